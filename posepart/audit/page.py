"""The page of an audit: every doubt with its picture and three buttons, whose answers stay in the browser."""

from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape
from urllib.parse import quote

import cv2
import numpy as np

from posepart.arrays import Float32, Rgb
from posepart.audit.findings import KINDS, Finding
from posepart.draw import draw_box, draw_skeleton, person_colour
from posepart.report.page_style import STYLE

SIDE = 320  # px, of either picture
_MARGIN = 0.25  # of the longer side of the box, around it
_GREY = (114, 114, 114)
_OWN_STYLE = """
.gallery { grid-template-columns: repeat(auto-fill, minmax(min(520px, 100%), 1fr)); }
.case img { display: block; width: 100%; border-radius: 4px; background: #e9ecef; }
.case figcaption { flex-wrap: wrap; }
.answers { display: flex; gap: 6px; padding-top: 6px; }
.answers button { flex: 1; padding: 5px; border: 1px solid var(--line); border-radius: 6px; background: #fff;
  cursor: pointer; }
.answers button.on { background: var(--accent); color: #fff; }
#count { position: sticky; top: 46px; background: #fff; padding: 6px 0; z-index: 1; }
"""
_SCRIPT = """
const key = 'posepart audit ' + document.title + ' ' + document.body.dataset.run;
const answers = JSON.parse(localStorage.getItem(key) || '{}');
function show() {
  const counts = {error: 0, right: 0, unsure: 0};
  for (const value of Object.values(answers)) counts[value] += 1;
  document.getElementById('tally').textContent =
    counts.error + ' label errors, ' + counts.right + ' right, ' + counts.unsure + ' unsure';
  for (const button of document.querySelectorAll('.answers button'))
    button.classList.toggle('on', answers[button.parentNode.dataset.finding] === button.value);
}
document.addEventListener('click', event => {
  if (!event.target.matches('.answers button')) return;
  const finding = event.target.parentNode.dataset.finding;
  if (answers[finding] === event.target.value) delete answers[finding];
  else answers[finding] = event.target.value;
  localStorage.setItem(key, JSON.stringify(answers));
  show();
});
document.getElementById('save').addEventListener('click', () => {
  const lines = ['finding,answer', ...Object.entries(answers).map(entry => entry.join(','))];
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([lines.join('\\n') + '\\n'], {type: 'text/csv'}));
  link.download = 'answers.csv';
  link.click();
});
show();
"""
_NOTES = {
    "sides": "Left: the label; right: the label with left and right exchanged, which Eq. (1) prefers. Orange is the "
    "person's left. The price is exact: all 64 exchanges were tried.",
    "joints": "Left: the label; right: the model's pose. The price is how much less the label would cost with the "
    "named joints moved to where the model sees them.",
    "parts": "The label's bones run over pixels that the part map gives to other parts.",
    "missing": "The detector and the CRF are sure of somebody who has neither a label nor an ignore box.",
    "prediction": "The model's own pose and parts contradict each other; at least one of them is wrong.",
}


def picture_of(finding: Finding, photo: Rgb) -> Rgb:
    """The person twice, side by side: as labelled, and as the alternative has it; (SIDE, 2 SIDE, 3) uint8 RGB."""
    x0, y0, x1, y1 = (float(value) for value in finding.box)
    side = max(x1 - x0, y1 - y0, 1.0) * (1 + 2 * _MARGIN)
    scale = SIDE / side
    corner = np.array([(x0 + x1 - side) / 2, (y0 + y1 - side) / 2])
    halves = []
    for pose in (finding.shown, finding.instead):
        canvas = _window(photo, corner, scale)
        if pose is not None:
            draw_skeleton(canvas, pose[:, 2] > 0, (pose[:, :2] - corner) * scale, 1.0)
        else:
            draw_box(canvas, (finding.box.reshape(2, 2) - corner) * scale, person_colour(1), 1.0)
        halves.append(canvas)
    return np.concatenate(halves, axis=1)


def _window(photo: Rgb, corner: Float32, scale: float) -> Rgb:
    matrix = np.array([[scale, 0, -corner[0] * scale], [0, scale, -corner[1] * scale]])
    kind = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    window = cv2.warpAffine(photo, matrix, (SIDE, SIDE), flags=kind, borderValue=_GREY)
    return np.ascontiguousarray(window, np.uint8)


def audit_html(
    title: str, findings: Sequence[Finding], pictures: Sequence[str], about: Mapping[str, str]
) -> str:
    """The page.

    Parameters
    ----------
    title : str
    findings : sequence of Finding
        In the order of the page within their kinds.
    pictures : sequence of str
        The picture of each, as a path from the page.
    about : mapping
        What was audited and how, in words.
    """
    numbers = Counter(finding.kind for finding in findings)
    present = [kind for kind in KINDS if numbers[kind]]
    links = "".join(f'<a href="#{kind}">{escape(KINDS[kind])} ({numbers[kind]})</a>' for kind in present)
    numbered = list(enumerate(zip(findings, pictures, strict=True), start=1))
    sections = "\n".join(
        _section(kind, [(k, *pair) for k, pair in numbered if pair[0].kind == kind]) for kind in present
    )
    facts = "".join(f"<dt>{escape(key)}</dt><dd>{escape(value)}</dd>\n" for key, value in about.items())
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>{STYLE}{_OWN_STYLE}</style>
</head>
<body data-run="{len(findings)}">
<header><h1>{escape(title)}</h1>
<p class="subtitle">What looks wrong to the model, the most suspicious first.</p></header>
<nav>{links}</nav>
<main>
<p id="count"><span id="tally"></span> <button id="save">Save the answers</button></p>
{sections or "<p>Nothing looks wrong.</p>"}
<section id="about"><h2>About</h2><dl>
{facts}</dl></section>
</main>
<script>{_SCRIPT}</script>
</body>
</html>
"""


def _section(kind: str, cases: Sequence[tuple[int, Finding, str]]) -> str:
    figures = "\n".join(_case(number, finding, picture) for number, finding, picture in cases)
    return (
        f'<section id="{kind}"><h2>{escape(KINDS[kind])}</h2>\n<p>{escape(_NOTES[kind])}</p>\n'
        f'<div class="gallery">\n{figures}\n</div></section>'
    )


def _case(number: int, finding: Finding, picture: str) -> str:
    who = f", person {finding.person}" if finding.person else ""
    buttons = "".join(
        f'<button value="{value}">{text}</button>'
        for value, text in (("error", "label error"), ("right", "label is right"), ("unsure", "unsure"))
    )
    return (
        f'<figure class="case"><img src="{quote(picture)}" loading="lazy" alt="finding {number}">'
        f"<figcaption><strong>{number}.</strong> <code>{escape(finding.sample.name)}</code>{who}"
        f'<span class="score">{finding.price:.1f} nats</span><span>{escape(finding.words)}</span></figcaption>'
        f'<div class="answers" data-finding="{number}">{buttons}</div></figure>'
    )
