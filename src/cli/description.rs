//! Reads, checks and plans the description of the flags. Errors are printed and end with exit code 2; warnings are printed.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::json;

use super::error::{ReportedError, usage_error};
use super::{ChangeArgs, DescriptionArgs, stdio};
use crate::base::{Base, Process};
use crate::plan::Plan;
use crate::report::exit_code;
use crate::spec::yaml::MAX_BYTES;
use crate::spec::{BaseFile, Diagnostics, MAX_FILE, MAX_FILES, Overrides, ValidDescription, file_of, suite_files};

/// The values that the flags override.
pub fn overrides(description: &DescriptionArgs, change: Option<&ChangeArgs>) -> Overrides {
    Overrides {
        set: description.set.clone(),
        images: description.image.clone(),
        ttl: change.and_then(|c| c.ttl.clone()),
        pr: change.and_then(|c| c.pr),
        commit: change.and_then(|c| c.commit.clone()),
        ..Overrides::default()
    }
}

/// The protected base that the flags name.
pub fn base(args: &DescriptionArgs) -> anyhow::Result<Option<Base>> {
    let Some(from) = &args.suites_from else { return Ok(None) };
    let refused = |why: String| usage_error(&format!("--suites-from: {why}"));
    let folder = std::env::current_dir().map_err(|e| refused(format!("the working folder is unknown: {e}")))?;
    let process = Process { folder, path: std::env::var_os("PATH").unwrap_or_default() };
    let base = Base::open(&file_of(&args.file), from, &process).map_err(|e| refused(e.to_string()))?;
    Ok(Some(base))
}

/// Reads and checks the description of the flags, with the suites of the base.
pub fn load_with_base(
    args: &DescriptionArgs,
    base: Option<&Base>,
    overrides: &Overrides,
    json: bool,
) -> anyhow::Result<ValidDescription> {
    let mut description = base.map(|base| read_base(base, base.description())).transpose()?;
    if let (Some(base), Some(file)) = (base, &mut description) {
        read_suite_files(base, file, overrides)?;
    }
    load(&args.file, &Overrides { base: description, ..overrides.clone() }, json)
}

/// Reads a file of the base, by its path there.
pub fn read_base(base: &Base, path: &str) -> anyhow::Result<BaseFile> {
    let bytes = base.read(path, MAX_BYTES as u64).map_err(|e| usage_error(&format!("--suites-from: {e}")))?;
    let (commit, files) = (base.commit().map(str::to_owned), BTreeMap::new());
    Ok(BaseFile { path: path.to_owned(), commit, bytes, files })
}

/// Reads the files of the base that its suites refer to.
fn read_suite_files(base: &Base, description: &mut BaseFile, overrides: &Overrides) -> anyhow::Result<()> {
    let folder = description.path.rsplit_once('/').map(|(folder, _)| format!("{folder}/")).unwrap_or_default();
    let mut total = 0;
    loop {
        // Each round reads what the files of the one before include.
        let wanted = suite_files(description, overrides).into_iter().filter(|p| !description.files.contains_key(p));
        let wanted: Vec<String> = wanted.collect();
        if wanted.is_empty() {
            return Ok(());
        }
        for path in wanted {
            let bytes = base.read(&format!("{folder}{path}"), MAX_FILE as u64);
            let bytes = bytes.map_err(|e| usage_error(&format!("--suites-from: {e}")))?;
            total += bytes.len();
            if total > MAX_FILES {
                let why = format!("--suites-from: the files of its suites are larger than {} MiB", MAX_FILES >> 20);
                return Err(usage_error(&why).into());
            }
            description.files.insert(path, bytes);
        }
    }
}

/// Reads and checks a description.
pub fn load(path: &Path, overrides: &Overrides, json: bool) -> anyhow::Result<ValidDescription> {
    printed(crate::spec::load(path, overrides), json)
}

/// Prints the diagnostics of an error.
pub fn printed<T>(result: Result<T, Diagnostics>, json: bool) -> anyhow::Result<T> {
    result.map_err(|faults| {
        print_diagnostics(&faults, json);
        anyhow::Error::new(ReportedError(exit_code::USAGE))
    })
}

/// Prints diagnostics to standard error; as JSON, to standard output.
pub fn print_diagnostics(faults: &Diagnostics, json: bool) {
    if json {
        outln!("{:#}", json!(faults.list));
    } else {
        let colour = stdio::stderr_look().colour;
        stdio::err_styled(&faults.render(colour), colour);
    }
}

/// Prints the warnings about a description that is about to be used: to standard error, or as JSON lines to standard output.
pub fn print_warnings(valid: &ValidDescription, json: bool) {
    let warnings = &valid.warnings;
    if json {
        for warning in &warnings.list {
            let mut line = json!(warning);
            line["event"] = "warning".into();
            outln!("{line}");
        }
    } else if !warnings.list.is_empty() {
        print_diagnostics(warnings, false);
    }
}

/// Plans a valid description.
pub fn plan(valid: &ValidDescription, pr: u32) -> anyhow::Result<Plan> {
    crate::plan::build::build(valid, pr).map_err(|e| usage_error(&format!("failed to {e}")).into())
}
