//! Controls of ISO/IEC 27001 Annex A, and what of an audit supports them. Data only: dayfly supports a control, and never fulfils one.

/// A control.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Control {
    /// Id of the edition of 2022.
    pub id: &'static str,
    /// Id of the edition of 2013.
    pub alias: &'static str,
    /// What the control is about.
    pub about: &'static str,
    /// Records that support it.
    pub records: &'static [Kind],
    /// What these records show.
    pub shows: &'static str,
}

/// Kinds of records of an audit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Runs.
    Run,
    /// Runs with a suite of kind `acceptance`.
    Acceptance,
    /// Runs with a suite of kind `security`.
    Security,
    /// Scans of images and lock files.
    Scan,
    /// Decisions of the gate.
    Decision,
    /// Removals of environments.
    Removal,
    /// Changes of the main branch with a run that passed.
    Change,
}

/// All controls that an audit supports.
pub const CONTROLS: [Control; 7] = [
    Control {
        id: "8.8",
        alias: "A.12.6.1",
        about: "management of technical vulnerabilities",
        records: &[Kind::Scan],
        shows: "each scan by digest, with scanner, date of its advisories, findings and waivers",
    },
    Control {
        id: "8.19",
        alias: "A.12.5.1",
        about: "installation of software on operational systems",
        records: &[Kind::Decision],
        shows: "the decision about each image by digest, denials and overrides included",
    },
    Control {
        id: "8.32",
        alias: "A.14.2.2",
        about: "change management",
        records: &[Kind::Change, Kind::Run],
        shows: "changes of the main branch that were tested, and the runs that tested them",
    },
    Control {
        id: "8.29",
        alias: "A.14.2.8",
        about: "security testing in development and acceptance",
        records: &[Kind::Security],
        shows: "security suites with their cases, results, failures and repetitions",
    },
    Control {
        id: "8.29",
        alias: "A.14.2.9",
        about: "acceptance testing of systems",
        records: &[Kind::Acceptance],
        shows: "acceptance suites in an environment of the same images as production",
    },
    Control {
        id: "8.31",
        alias: "A.12.1.4",
        about: "separation of development, test and production environments",
        records: &[Kind::Run, Kind::Removal],
        shows: "an environment of its own for each run, and its removal",
    },
    Control {
        id: "5.21",
        alias: "A.15.1.3",
        about: "information security in the supply chain",
        records: &[Kind::Scan],
        shows: "the SBOM of each image that was scanned",
    },
];
