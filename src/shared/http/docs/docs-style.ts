/** The style of the documentation page, inlined with its hash in the page's policy: one answer, nothing else to load. */
export const docsStyle = `
:root {
  color-scheme: light dark;
  --ground: light-dark(#eef2f2, #0e1415);
  --surface: light-dark(#ffffff, #151d1e);
  --raised: light-dark(#f4f7f7, #1d2728);
  --line: light-dark(#d6dfdf, #2a3739);
  --text: light-dark(#142022, #e4ecec);
  --muted: light-dark(#50605f, #9db1b1);
  --accent: light-dark(#15616a, #6fcbd0);
  --mono: ui-monospace, "Cascadia Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
}
* { box-sizing: border-box; }
html { scroll-padding-top: 1rem; }
body {
  margin: 0; background: var(--ground); color: var(--text); line-height: 1.55;
  font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", "DejaVu Sans", sans-serif;
}
a { color: var(--accent); }
a:focus-visible, summary:focus-visible, pre:focus-visible, .wide:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 4px; }
.skip { position: absolute; left: -999rem; }
.skip:focus { left: 1rem; top: 1rem; background: var(--surface); padding: .5rem 1rem; z-index: 1; }
.frame { display: grid; grid-template-columns: 17rem minmax(0, 1fr); max-width: 78rem; margin: 0 auto; }
nav { position: sticky; top: 0; height: 100vh; overflow-y: auto; padding: 1.5rem 1rem; font-size: .9rem; }
nav h2 { font-size: .75rem; letter-spacing: .06em; text-transform: uppercase; color: var(--muted); margin: 1.25rem 0 .25rem; }
nav ul { list-style: none; margin: 0; padding: 0; }
nav a { display: block; padding: .2rem .5rem; border-radius: 6px; color: inherit; text-decoration: none; overflow-wrap: anywhere; }
nav a:hover { background: var(--raised); }
main { padding: 1.5rem 1.5rem 5rem; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: .5rem 0 .25rem; }
.lead { color: var(--muted); margin: 0 0 1.5rem; max-width: 46rem; }
section { background: var(--surface); border: 1px solid var(--line); border-radius: 12px; padding: 1.25rem 1.5rem; margin: 0 0 1rem; }
section > h2 { margin: 0 0 .5rem; font-size: 1.3rem; }
h3 { font-size: 1rem; margin: 1.25rem 0 .35rem; }
h2.group { margin: 2rem 0 .75rem; font-size: 1.15rem; color: var(--muted); }
.route { font-family: var(--mono); font-size: .95rem; font-weight: 600; overflow-wrap: anywhere; margin: 0 0 .25rem; }
.verb { display: inline-block; min-width: 4.5rem; color: var(--accent); }
.facts { color: var(--muted); margin: .25rem 0 0; font-size: .9rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { text-align: left; vertical-align: top; padding: .4rem .75rem .4rem 0; border-top: 1px solid var(--line); }
th { font-weight: 600; color: var(--muted); border-top: 0; }
td:first-child { white-space: nowrap; }
code, pre { font-family: var(--mono); font-size: .85rem; }
pre { background: var(--raised); border: 1px solid var(--line); border-radius: 8px; padding: .75rem 1rem; overflow-x: auto; margin: .35rem 0; line-height: 1.45; }
details { margin-top: .75rem; }
summary { cursor: pointer; color: var(--accent); }
@media (max-width: 54rem) {
  .frame { grid-template-columns: minmax(0, 1fr); }
  nav { position: static; height: auto; }
  main { padding: 0 .75rem 4rem; }
  section { padding: 1rem; }
}
@media print { nav { display: none; } section { break-inside: avoid; } }
`;
