const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** Markup that needs no escaping. */
export class Html {
  constructor(readonly text: string) {}
}

type Value = Html | string | number | null | undefined | false | readonly Value[];

const markupOf = (value: Value): string => {
  if (value instanceof Html) return value.text;
  if (value === null || value === undefined || value === false) return '';
  if (typeof value === 'object') return value.map(markupOf).join('');
  return String(value).replace(/[&<>"']/g, (it) => ENTITIES[it] as string);
};

/** Template tag for markup. Values are escaped, unless they are {@link Html}. */
export const html = (texts: TemplateStringsArray, ...values: readonly Value[]): Html =>
  new Html(texts.map((text, index) => text + markupOf(values[index])).join(''));

/** @param amount minor units */
export const money = (amount: number, currency: string): string =>
  new Intl.NumberFormat('en', { style: 'currency', currency: currency.toUpperCase() }).format(amount / 100);

export const day = (seconds: number): string => new Date(seconds * 1_000).toISOString().slice(0, 10);
export const moment = (seconds: number): string =>
  new Date(seconds * 1_000).toISOString().slice(0, 19).replace('T', ' ');

export const page = (title: string, body: Html, wide = false): string =>
  html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${title}</title>
<link rel="stylesheet" href="/sim.css">
</head>
<body>
<p class="banner">Test mode: a simulated Stripe on your own machine. No money moves.</p>
<main${wide ? new Html(' class="wide"') : ''}>
${body}
</main>
</body>
</html>
`.text;

export const STYLE = `:root { color-scheme: light dark; --ink: #1c2024; --paper: #f6f7f9; --card: #fff; --line: #8b929c; --hair: #dde1e6; --accent: #1f5fbf; --on: #fff; --bad: #b3261e; --good: #1a6b3c; --soft: #565d66; --banner: #fff3cd; --banner-ink: #5c4400; }
@media (prefers-color-scheme: dark) { :root { --ink: #e9ecf0; --paper: #14171a; --card: #1d2126; --line: #737b86; --hair: #343a42; --accent: #8ab4f8; --on: #10151c; --bad: #f2b8b5; --good: #9fd8b4; --soft: #aab2bd; --banner: #3d3413; --banner-ink: #ffe69c; } }
* { box-sizing: border-box; }
body { margin: 0; font: 1rem/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); overflow-wrap: anywhere; }
.banner { margin: 0; padding: .4rem 1rem; text-align: center; font-size: .9rem; background: var(--banner); color: var(--banner-ink); }
main { max-width: 30rem; margin: clamp(1rem, 6vh, 4rem) auto; padding: 2rem; background: var(--card); border-radius: .75rem; box-shadow: 0 1px 4px rgb(0 0 0 / .15); }
main.wide { max-width: 68rem; margin-top: 1.5rem; }
h1 { margin: 0 0 .75rem; font-size: 1.5rem; line-height: 1.25; }
h2 { margin: 2rem 0 .5rem; font-size: 1.1rem; }
p { margin: 0 0 1rem; }
.soft { color: var(--soft); font-size: .9rem; }
.problem { color: var(--bad); font-weight: 600; }
.total { display: flex; justify-content: space-between; padding: .75rem 0; border-top: 1px solid var(--hair); font-weight: 600; }
.lines { margin: 0; padding: 0; list-style: none; }
.lines li { display: flex; justify-content: space-between; gap: 1rem; padding: .35rem 0; }
label { display: block; font-weight: 600; }
input, select { width: 100%; margin: .25rem 0 1rem; padding: .6rem .7rem; font: inherit; color: inherit; background: var(--paper); border: 1px solid var(--line); border-radius: .4rem; }
input[aria-invalid] { border-color: var(--bad); border-width: 2px; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
button { width: 100%; padding: .7rem 1rem; font: inherit; font-weight: 600; color: var(--on); background: var(--accent); border: 1px solid var(--accent); border-radius: .4rem; cursor: pointer; }
button.plain { color: var(--accent); background: transparent; }
.stack { display: grid; gap: .6rem; }
.row { display: flex; flex-wrap: wrap; gap: .6rem; align-items: end; }
.row button, td button { width: auto; padding: .4rem .8rem; }
.row label { flex: 1 1 9rem; } .row input, .row select { margin-bottom: 0; }
.cards { display: grid; gap: .4rem; margin: 0 0 1rem; }
.cards button { display: flex; justify-content: space-between; gap: 1rem; text-align: left; font-weight: 400; }
.cards code { white-space: nowrap; }
.scroll { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; font-size: .9rem; }
th, td { padding: .4rem .6rem .4rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--hair); overflow-wrap: normal; }
td code { white-space: nowrap; }
.state { font-weight: 600; } .state.good { color: var(--good); } .state.bad { color: var(--bad); }
a { color: var(--accent); }
@media (max-width: 34rem) { main { margin: 0 auto; padding: 1.25rem; border-radius: 0; box-shadow: none; } }
`;
