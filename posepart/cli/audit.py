"""`posepart audit`: what in a data set looks wrong to the model, as a page to go through."""

from collections import Counter
from functools import partial
from pathlib import Path

from jsonargparse import ArgumentParser, Namespace

from posepart.cli import options

SUMMARY = "Find labels that are probably wrong."
STRAY_HINT = "name one data set: posepart audit --data DIR -o OUT"
USAGE = "posepart audit --data DIR -o OUT [options]"
DESCRIPTION = """\
Look for labels that are probably wrong, and rank them:
  sides       left and right seem exchanged: the exchange has a lower energy, Eq. (1)
  joints      the model is sure that joints are elsewhere
  parts       the labelled bones run over pixels of other parts
  missing     somebody is there whom nobody labelled (only where all people should be)
  prediction  the model's own pose and parts contradict each other

The folder OUT receives
  index.html    a page to go through them, with three buttons for each
  findings.csv  all of them, with photo, person and price
  pictures/     the pictures of the page"""
EPILOG = """\
examples:
  posepart audit --data people/ --split train -o audit
  posepart audit --data labels.json --images photos/ -o audit
  posepart audit --data people/ --subset lsp_extended --limit 400 --speed balanced -o audit

exit codes:
  0  the page is written
  1  it is written, but some photos could not be audited
  2  nothing could be done
  130  interrupted"""


def parser() -> ArgumentParser:
    """The options of the command."""
    parser = options.new_parser(USAGE, DESCRIPTION, EPILOG)
    parser.add_argument(
        "--data", type=str, metavar="DIR", help="Folder of labelled photos, or a COCO file with any joints."
    )
    options.add_coco_options(parser)
    parser.add_argument(
        "--split", type=str, default="train", metavar="SPLIT", help="The split to audit. Default: train."
    )
    parser.add_argument("-o", "--out", type=str, metavar="OUT", help="Folder for the page; made if needed.")
    parser.add_argument(
        "--subset", nargs="+", type=str, metavar="SOURCE", help="Only photos from these sources."
    )
    parser.add_argument("--limit", type=int, metavar="N", help="Only the first N of these photos.")
    parser.add_argument(
        "--most", type=int, default=50, metavar="N", help="Findings of each kind on the page. Default: 50."
    )
    options.add_network_options(parser)
    options.add_segment_switch(parser)
    options.add_refine_switch(parser)
    options.add_settings(parser)
    return parser


def run(chosen: Namespace) -> int:
    """Audit, write the page and say how much was found; the exit code."""
    _check(chosen)
    from posepart.audit.photo import audit_photo, check_auditable
    from posepart.audit.report import FILES, audit_samples, write_audit
    from posepart.data.readers import read_samples
    from posepart.report.evaluate import choose_samples
    from posepart.report.folder import check_replaceable

    data, out = options.data_source(chosen.data, chosen), Path(chosen.out)
    check_replaceable(out, FILES)
    samples = choose_samples(read_samples(data, chosen.split), chosen.subset, 0, chosen.limit)
    pipeline, _ = options.load_pipeline(chosen, options.pipeline_config(chosen))
    check_auditable(pipeline)
    findings, failures = audit_samples(samples, partial(audit_photo, pipeline=pipeline))
    for sentence in failures:
        options.complain(sentence)
    if len(failures) == len(samples):
        return 2
    name = Path(data).resolve().name
    about = {
        "data": f"{name}, split {chosen.split}",
        "photos": str(len(samples) - len(failures)),
        "model": pipeline.name,
    }
    write_audit(findings, out, f"Audit of {name}", about, chosen.most)
    counts = Counter(finding.kind for finding in findings)
    told = ", ".join(f"{kind} {count}" for kind, count in counts.items()) or "nothing"
    print(f"{len(samples) - len(failures)} photos: {told}\nlook at {out / 'index.html'}")
    return 1 if failures else 0


def _check(chosen: Namespace) -> None:
    options.check_threads(chosen)
    if chosen.data is None:
        raise ValueError("what to audit? Name a folder of labelled photos with --data DIR")
    if chosen.out is None:
        raise ValueError("where does the page go? Name a folder with -o OUT")
    for name in ("limit", "most"):
        if chosen[name] is not None and chosen[name] < 1:
            raise ValueError(f"--{name}: expected at least 1, got {chosen[name]}")
