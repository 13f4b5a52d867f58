//! The library in another program: two sources in memory, findings as values.

use std::process::ExitCode;

use distsys_graph::{Analysis, AnalysisError, Source};

fn main() -> Result<ExitCode, AnalysisError> {
    let sources = vec![
        Source::new("shop/buffer.py", "import queue\n\npending = queue.Queue()\n"),
        Source::new(
            "shop/app.py",
            "from fastapi import FastAPI\nfrom shop.buffer import pending\n\napp = FastAPI()\n\n@app.post('/orders')\ndef place(order: dict):\n    pending.put(order)\n",
        ),
    ];
    let report = Analysis::of_sources(sources).run()?;
    for reported in &report.findings {
        let finding = &reported.finding;
        assert_eq!(
            (finding.rule.slug, finding.primary.path.as_str(), finding.primary.line),
            ("unbounded-queue", "shop/buffer.py", 3)
        );
        assert!(finding.steps.iter().any(|step| step.place.path == "shop/app.py"));
    }
    assert_eq!(report.findings.len(), 1);
    assert_eq!(report.facts().relations.file.len(), 2);
    Ok(ExitCode::SUCCESS)
}
