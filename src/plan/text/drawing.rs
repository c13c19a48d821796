//! The graph of a plan for Graphviz and Mermaid: a full line is a need, a broken one only the right to call.

use std::fmt::Write;

use crate::plan::{Plan, UnitKind};

/// Every arrow: from, to, and whether it is a need.
fn arrows(plan: &Plan) -> Vec<(&str, &str, bool)> {
    let mut all = Vec::new();
    for to in &plan.units {
        for from in &to.callers {
            let is_need = plan.unit(from).is_some_and(|u| u.needs.contains(&to.name));
            all.push((from.as_str(), to.name.as_str(), is_need));
        }
    }
    all.sort_unstable();
    all
}

/// Graphviz. Names are host names, so quotes are all the escaping there is.
pub fn dot(plan: &Plan) -> String {
    let mut out = format!("digraph \"{}\" {{\n  rankdir=LR;\n  node [fontname=\"sans-serif\"];\n", plan.environment);
    for unit in &plan.units {
        let shape = match unit.kind {
            UnitKind::Service => "box",
            UnitKind::Job => "cds",
            UnitKind::Broker => "hexagon",
            UnitKind::Database | UnitKind::Backing(_) => "cylinder",
        };
        let _ = writeln!(out, "  \"{}\" [shape={shape}];", unit.name);
    }
    for suite in plan.suites.keys() {
        let _ = writeln!(out, "  \"{suite}\" [shape=note, style=dashed];");
    }
    for (from, to, is_need) in arrows(plan) {
        let style = if is_need { "" } else { " [style=dashed]" };
        let _ = writeln!(out, "  \"{from}\" -> \"{to}\"{style};");
    }
    out.push_str("}\n");
    out
}

/// Mermaid. Identifiers are prefixed, because words such as `end` mean something to it.
pub fn mermaid(plan: &Plan) -> String {
    let mut out = "flowchart LR\n".to_owned();
    let id = |name: &str| format!("n_{}", name.replace('-', "_"));
    for unit in &plan.units {
        let (open, close) = match unit.kind {
            UnitKind::Service => ("[", "]"),
            UnitKind::Job => ("[[", "]]"),
            UnitKind::Broker => ("{{", "}}"),
            UnitKind::Database | UnitKind::Backing(_) => ("[(", ")]"),
        };
        let _ = writeln!(out, "  {}{open}\"{}\"{close}", id(&unit.name), unit.name);
    }
    for suite in plan.suites.keys() {
        let _ = writeln!(out, "  {}([\"{suite}\"])", id(suite));
    }
    for (from, to, is_need) in arrows(plan) {
        let _ = writeln!(out, "  {} {} {}", id(from), if is_need { "-->" } else { "-.->" }, id(to));
    }
    out
}
