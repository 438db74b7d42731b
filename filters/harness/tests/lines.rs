//! A trap of a module with line tables says file and line, and the functions that were put into others.

mod support;

use std::convert::Infallible;

use burgee_harness::{EndOfStream, Module, Outcome, Settings};
use gimli::write::{Address, AttributeValue, DwarfUnit, EndianVec, LineProgram, LineString, Sections};
use gimli::{Encoding, Format, LineEncoding, LittleEndian, SectionId};

/// A function that traps, for which the module has no name.
const BODY: &str = r#"
    (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) unreachable)
"#;

/// More than the code has.
const ALL_CODE: u64 = 0x10_000;

/// Line tables that say of all code: it is line 7 of `filter.cc`, in `Filter::inner()`, which was put into `outer` at line
/// 20 there.
fn sections() -> Vec<(&'static str, Vec<u8>)> {
    let encoding = Encoding { format: Format::Dwarf32, version: 4, address_size: 4 };
    let text = |text: &str| LineString::String(text.as_bytes().to_vec());
    let mut program =
        LineProgram::new(encoding, LineEncoding::default(), text("/home/a"), None, text("filter.cc"), None);
    let folder = program.default_directory();
    let file = program.add_file(text("filter.cc"), folder, None);
    program.begin_sequence(Some(Address::Constant(0)));
    program.row().file = file;
    program.row().line = 7;
    program.generate_row();
    program.end_sequence(ALL_CODE);

    let mut dwarf = DwarfUnit::new(encoding);
    dwarf.unit.line_program = program;
    let unit = &mut dwarf.unit;
    let root = unit.root();
    let outer = unit.add(root, gimli::DW_TAG_subprogram);
    let inner = unit.add(outer, gimli::DW_TAG_inlined_subroutine);
    let declared = unit.add(root, gimli::DW_TAG_subprogram);
    for entry in [root, outer, inner] {
        let entry = unit.get_mut(entry);
        entry.set(gimli::DW_AT_low_pc, AttributeValue::Address(Address::Constant(0)));
        entry.set(gimli::DW_AT_high_pc, AttributeValue::Udata(ALL_CODE));
    }
    let name = |name: &str| AttributeValue::String(name.as_bytes().to_vec());
    unit.get_mut(root).set(gimli::DW_AT_comp_dir, name("/home/a"));
    unit.get_mut(root).set(gimli::DW_AT_name, name("filter.cc"));
    unit.get_mut(outer).set(gimli::DW_AT_name, name("outer"));
    unit.get_mut(declared).set(gimli::DW_AT_linkage_name, name("_ZN6Filter5innerEv"));
    let inner = unit.get_mut(inner);
    inner.set(gimli::DW_AT_abstract_origin, AttributeValue::UnitRef(declared));
    inner.set(gimli::DW_AT_call_file, AttributeValue::FileIndex(Some(file)));
    inner.set(gimli::DW_AT_call_line, AttributeValue::Udata(20));

    let mut sections = Sections::new(EndianVec::new(LittleEndian));
    dwarf.write(&mut sections).expect("it can be written");
    let mut written = Vec::new();
    let keep = |id: SectionId, data: &EndianVec<LittleEndian>| -> Result<(), Infallible> {
        written.push((id.name(), data.slice().to_vec()));
        Ok(())
    };
    sections.for_each(keep).expect("nothing fails");
    written
}

/// A number as modules write it.
fn leb128(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = u8::try_from(number & 0x7f).expect("seven bits");
        number >>= 7;
        bytes.push(if number == 0 { low } else { low | 0x80 });
        if number == 0 {
            return bytes;
        }
    }
}

#[test]
fn a_trap_says_file_and_line_and_what_was_put_into_what() {
    let mut module = support::module(BODY);
    for (name, data) in sections() {
        let content = [leb128(name.len()), name.as_bytes().to_vec(), data].concat();
        module.extend([vec![0], leb128(content.len()), content].concat());
    }
    let vm = Module::load(&module).expect("it loads").start(&Settings::new()).expect("it starts");
    let outcome = vm.http().request_headers([(":path", "/")], EndOfStream::Yes);
    let Outcome::Trap(trap) = outcome else { panic!("{outcome:?}") };
    let frames: Vec<(&str, Option<&str>)> =
        trap.frames.iter().map(|frame| (frame.function.as_str(), frame.place.as_deref())).collect();
    assert_eq!(
        frames,
        [("Filter::inner()", Some("/home/a/filter.cc:7")), ("outer", Some("/home/a/filter.cc:20"))],
        "{trap}"
    );
    assert!(trap.to_string().ends_with("\n  in outer at /home/a/filter.cc:20"), "{trap}");
}
