"""The style sheet of a report's page: one column, plain colours, the fonts of the reader's system."""

STYLE = """
:root { --ink: #1f2933; --quiet: #5c6773; --line: #e2e6ea; --ground: #f6f7f9; --accent: #2563a8; }
* { box-sizing: border-box; }
html { scroll-behavior: smooth; }
body { margin: 0; color: var(--ink); background: #fff; line-height: 1.5;
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
header, nav, main { max-width: 1120px; margin: 0 auto; padding: 0 24px; }
header { padding-top: 36px; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 1.3rem; margin: 0 0 16px; padding-top: 20px; border-top: 2px solid var(--ink); }
h3 { font-size: 1.05rem; margin: 28px 0 4px; }
p { margin: 0 0 12px; max-width: 78ch; }
.subtitle { color: var(--quiet); margin: 6px 0 0; overflow-wrap: anywhere; }
code { font: 0.88em ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; overflow-wrap: anywhere; }
nav { position: sticky; top: 0; z-index: 1; display: flex; flex-wrap: wrap; gap: 4px 20px; background: #fff;
  padding-top: 14px; padding-bottom: 10px; }
nav a { color: var(--accent); text-decoration: none; font-size: 0.92rem; }
nav a:hover { text-decoration: underline; }
section { margin: 0 0 44px; scroll-margin-top: 52px; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(160px, 1fr)); gap: 12px;
  margin: 16px 0 44px; }
.tile { background: var(--ground); border: 1px solid var(--line); border-radius: 8px; padding: 12px 14px; }
.tile span { display: block; }
.tile .label { font-size: 0.85rem; color: var(--quiet); }
.tile .value { font-size: 1.7rem; font-weight: 600; line-height: 1.3; font-variant-numeric: tabular-nums; }
.tile .detail { font-size: 0.78rem; line-height: 1.35; color: var(--quiet);
  white-space: pre-line; }
.table { overflow-x: auto; margin: 0 0 28px; }
table { border-collapse: collapse; width: 100%; font-size: 0.92rem; font-variant-numeric: tabular-nums; }
.caption { margin: 0 0 8px; color: var(--quiet); font-size: 0.88rem; max-width: none; }
figcaption strong, .caption strong { color: var(--ink); }
th, td { padding: 7px 6px; text-align: right; vertical-align: top; border-bottom: 1px solid var(--line); }
thead th, thead td { border-bottom: 1px solid var(--quiet); vertical-align: bottom; font-weight: 600; }
tbody th { text-align: left; font-weight: 500; min-width: 9em; }
td small { display: block; color: var(--quiet); font-size: 0.76rem; white-space: nowrap; }
.summed td:last-child { font-weight: 600; }
.summed td:last-child small { font-weight: 400; }
.measures { font-size: 0.84rem; }
.measures tbody th { white-space: nowrap; font: 0.88em ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
.measures th:first-child, .measures td:last-child, .measures thead th:last-child { text-align: left; }
figure { margin: 0 0 32px; }
figure svg { display: block; width: 100%; height: auto; }
figure svg text { font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial,
  sans-serif !important; }
figure.wide div { overflow-x: auto; }
figure.wide svg { min-width: 680px; }
figure.narrow { max-width: 680px; }
figcaption { color: var(--quiet); font-size: 0.88rem; padding-top: 6px; }
figure.absent { background: var(--ground); border-radius: 8px; padding: 6px 14px 12px; }
.gallery { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(480px, 100%), 1fr)); gap: 20px; }
.case { margin: 0; border: 1px solid var(--line); border-radius: 8px; padding: 10px; background: var(--ground); }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: 8px; }
.pair img { display: block; width: 100%; height: 250px; object-fit: contain; background: #e9ecef;
  border-radius: 4px; }
.pair span { display: block; text-align: center; font-size: 0.8rem; color: var(--quiet); padding-top: 3px; }
.case figcaption { display: flex; gap: 8px; align-items: baseline; padding: 6px 2px 0; }
.score { margin-left: auto; white-space: nowrap; color: var(--ink); font-variant-numeric: tabular-nums; }
details { margin: 0 0 20px; }
summary { cursor: pointer; color: var(--accent); font-weight: 600; padding: 6px 0; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 6px 20px; margin: 0; font-size: 0.92rem; }
dt { color: var(--quiet); }
dd { margin: 0; overflow-wrap: anywhere; }
@media (max-width: 640px) {
  header, nav, main { padding-left: 14px; padding-right: 14px; }
  dl { grid-template-columns: 1fr; gap: 0; }
  dd { margin-bottom: 8px; }
  .pair img { height: 200px; }
}
@media print {
  nav { display: none; }
  figure, .table { break-inside: avoid; }
}
"""
