//! Compiles every one of stock Envoy's Protobuf definitions into a descriptor set: a base may have any of its messages.

use burgee_definitions::Definitions;

fn main() {
    let definitions = Definitions::find();
    definitions.compile(&definitions.below("envoy"), "envoy.bin");
}
