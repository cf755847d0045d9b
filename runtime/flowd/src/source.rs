//! A program from `.flow` files: read, checked, lowered, interpreted.

use crate::files::Disk;
use sagaflow::program::{Program, Rejected, Source};
use sagaflow_compiler::analyze;
use sagaflow_compiler::load::{self, Loaded};
use sagaflow_compiler::render::{Format, render};
use sagaflow_core::codegen::Machine;
use sagaflow_interp::{Error, Interpreter};
use std::path::PathBuf;
use std::sync::Arc;

/// Programs in files.
pub struct FlowFiles;

impl Source for FlowFiles {
    fn takes_files(&self) -> bool {
        true
    }

    fn load(&self, files: &[PathBuf], colour: bool) -> Result<Program, Rejected> {
        if files.is_empty() {
            return Err(Rejected("name at least one `.flow` file".to_owned()));
        }
        let paths: Vec<String> =
            files.iter().map(|file| file.to_string_lossy().replace('\\', "/")).collect();
        let roots = load::programs(&paths, &Disk).map_err(|error| Rejected(error.to_string()))?;
        let mut program = Program::default();
        for paths in roots {
            add(&paths, colour, &mut program)?;
        }
        Ok(program)
    }
}

/// Adds the program of one source root.
fn add(paths: &[String], colour: bool, program: &mut Program) -> Result<(), Rejected> {
    let loaded = load::load(paths, &Disk).map_err(|error| Rejected(error.to_string()))?;
    let analysis = analyze(&loaded);
    let findings =
        render(&analysis.diagnostics, &loaded.sources, Format::Pretty { colours: colour });
    let Some(fir) = analysis.lower(&loaded.sources) else { return Err(Rejected(findings)) };
    program.notes.push_str(&findings);
    program.files.extend(loaded.read.iter().map(PathBuf::from));
    // Order: released versions first; what is said of services by several, the last one says.
    for older in analysis.older(&fir) {
        let machine = Interpreter::new(Arc::new(older.fir), &older.workflow);
        serve(machine.map_err(|error| Rejected(format!("R1036: {error}")))?, program);
    }
    let fir = Arc::new(fir);
    for name in fir.workflows.keys() {
        match Interpreter::new(Arc::clone(&fir), name) {
            Ok(machine) => serve(machine, program),
            Err(Error::Unsupported { what, line }) => {
                let place = place(&loaded, name, line);
                let why = format!("F0005: {place}: {what} cannot be executed yet");
                program.refused.insert(name.clone(), why);
            }
            Err(error) => return Err(Rejected(format!("R1036: {error}"))),
        }
    }
    program.samples.extend(fir.samples.clone());
    Ok(())
}

fn serve(machine: Interpreter, program: &mut Program) {
    program.flows.declared.extend(machine.spec().services.keys().cloned());
    program.flows.machines.push(Arc::new(machine));
}

/// `path:line` in the module of a workflow.
fn place(loaded: &Loaded, workflow: &str, line: u32) -> String {
    let module = workflow.rsplit_once('.').map_or("", |(module, _)| module);
    let path = loaded.sources.iter().find(|(_, source)| source.module == module);
    let path = path.map_or(module, |(_, source)| source.path.as_str());
    format!("{path}:{line}")
}
