//! Kinds of documents that dayfly reads, and the words for them in diagnostics.

/// A kind of document, and the words for it in diagnostics.
#[derive(Debug, PartialEq, Eq)]
pub struct DocumentKind {
    /// The value of `kind`.
    pub kind: &'static str,
    /// Noun for a document of this kind.
    pub noun: &'static str,
    /// Noun with its purpose, for a file that is something else.
    pub purpose: &'static str,
    /// How a document begins, for a file that is empty.
    pub start: &'static str,
    /// The command that prints the schema.
    pub schema_command: &'static str,
}

/// Descriptions of environments.
pub const ENVIRONMENT: DocumentKind = DocumentKind {
    kind: super::model::KIND,
    noun: "description",
    purpose: "description of an environment",
    start: "begin with `apiVersion: dayfly.dev/v1alpha1`, `kind: Environment` and `name`",
    schema_command: "dayfly schema",
};

/// Policies of operators.
pub const POLICY: DocumentKind = DocumentKind {
    kind: "Policy",
    noun: "policy",
    purpose: "policy of dayfly",
    start: "begin with `apiVersion: dayfly.dev/v1alpha1` and `kind: Policy`",
    schema_command: "dayfly schema --kind policy",
};

/// Registers of dependencies.
pub const REGISTER: DocumentKind = DocumentKind {
    kind: "DependencyRegister",
    noun: "register",
    purpose: "register of dependencies",
    start: "begin with `apiVersion: dayfly.dev/v1alpha1` and `kind: DependencyRegister`",
    schema_command: "dayfly schema --kind dependencies",
};

/// Waivers of findings in dependencies.
pub const WAIVERS: DocumentKind = DocumentKind {
    kind: "DependencyWaivers",
    noun: "file of waivers",
    purpose: "file of waivers",
    start: "begin with `apiVersion: dayfly.dev/v1alpha1`, `kind: DependencyWaivers` and `waivers`",
    schema_command: "dayfly schema --kind waivers",
};

/// Policies of the gate.
pub const GATE_POLICY: DocumentKind = DocumentKind {
    kind: "GatePolicy",
    noun: "gate policy",
    purpose: "policy of the gate",
    start: "begin with `apiVersion: dayfly.dev/v1alpha1`, `kind: GatePolicy` and `keys`",
    schema_command: "dayfly schema --kind gate-policy",
};

/// Overrides of decisions of the gate.
pub const GATE_OVERRIDES: DocumentKind = DocumentKind {
    kind: "GateOverrides",
    noun: "file of overrides",
    purpose: "file of overrides",
    start: "begin with `apiVersion: dayfly.dev/v1alpha1`, `kind: GateOverrides` and `overrides`",
    schema_command: "dayfly schema --kind gate-overrides",
};

/// Lists of trusted keys.
pub const KEYS: DocumentKind = DocumentKind {
    kind: "TrustedKeys",
    noun: "list of keys",
    purpose: "list of trusted keys",
    start: "begin with `apiVersion: dayfly.dev/v1alpha1`, `kind: TrustedKeys` and `keys`",
    schema_command: "dayfly schema --kind keys",
};

/// Files that a description includes.
pub const INCLUDED: DocumentKind = DocumentKind {
    kind: "",
    noun: "included file",
    purpose: "file that a description includes",
    start: "write what would stand in its place: a suite, or a list of cases or steps",
    schema_command: "dayfly schema",
};
