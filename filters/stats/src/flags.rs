//! Envoy's response flags as text.

/// The short code of each flag; the index is the bit in the attribute `response.flags`.
pub const CODES: [&str; 30] = [
    "LH", "UH", "UT", "LR", "UR", "UF", "UC", "UO", "NR", "DI", "FI", "RL", "UAEX", "RLSE", "DC", "URX",
    "SI", "IH", "DPE", "UMSDR", "RFCF", "NFCF", "DT", "UPE", "NC", "OM", "DF", "DO", "DR", "UDO",
];

/// What stands for no flag at all.
const NONE: &str = "-";

/// The codes of the set bits in the order of the bits, with commas between. Bits that have no code are left out.
pub fn text(mask: u64) -> String {
    let mut text = String::new();
    for (bit, code) in (0..).zip(CODES) {
        if mask.checked_shr(bit).unwrap_or_default() & 1 == 1 {
            if !text.is_empty() {
                text.push(',');
            }
            text.push_str(code);
        }
    }
    if text.is_empty() { NONE.to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bit_has_its_code() {
        for (mask, expected) in [
            (0, "-"),
            (1, "LH"),
            (2, "UH"),
            (4, "UT"),
            (32, "UF"),
            (256, "NR"),
            (1 << 12, "UAEX"),
            (16384, "DC"),
            (1 << 24, "NC"),
            (1 << 29, "UDO"),
            (32 | 32768, "UF,URX"),
            (1 << 30, "-"),
            (1 << 63 | 2, "UH"),
        ] {
            assert_eq!(text(mask), expected, "{mask}");
        }
    }

    #[test]
    fn all_codes_are_different() {
        let mut codes = CODES.to_vec();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), CODES.len());
        assert_eq!(text(u64::MAX).split(',').count(), CODES.len());
    }
}
