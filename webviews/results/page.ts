/**
 * A page that shows a result by itself (compute-server/cli/mcp/result-page.ts): the JSON that it holds is drawn as in the panels, in the colours of
 * VS Code's own themes, and nothing is asked of anywhere.
 */
import { dataId, titlesId } from '../../protocol/exports/html-page';
import { drawOutput, outputStyles } from './output';
import { notebookStyles } from './styles';
import { adoptStyles, baseStyles } from '../ui/styles';
import { registerControls } from '../ui/toolkit';
import { pageStyles } from './page-styles';
import { dark, fonts, light } from './vscode-themes';

const preference = matchMedia('(prefers-color-scheme: dark)');

function applyTheme(): void {
  const { style } = document.documentElement;
  for (const [name, value] of Object.entries({ ...fonts, ...(preference.matches ? dark : light) })) {
    style.setProperty(`--vscode-${name}`, value);
  }
  document.body.className = preference.matches ? 'vscode-dark' : 'vscode-light';
}

const textOf = (id: string): string | undefined => document.getElementById(id)?.textContent ?? undefined;

export function drawPage(): void {
  const place = document.getElementById('root');
  const text = textOf(dataId);
  if (!place || text === undefined) return;
  applyTheme();
  preference.addEventListener('change', applyTheme);
  adoptStyles(baseStyles, ...outputStyles, notebookStyles, pageStyles);
  registerControls();
  // What the page says where no script runs.
  const plain = [...place.childNodes];
  place.replaceChildren();
  const drawn = drawOutput(place, text, JSON.parse(textOf(titlesId) ?? '[]') as Parameters<typeof drawOutput>[2]);
  if (!('why' in drawn)) return;
  const words = document.createElement('p');
  words.setAttribute('role', 'alert');
  words.textContent = drawn.why;
  place.replaceChildren(words, ...plain);
}
