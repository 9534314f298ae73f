/**
 * Draws results in VS Code's notebooks, and in a page of its own, which holds this script (compute-server/cli/mcp/result-page.ts). The page of a
 * notebook is not ours: all outputs share it, so that each of ours is a shadow tree, and nothing is asked of the extension. An output is data
 * from anywhere: it is checked as a file is, and bounded.
 */
import type { CSSResult } from 'lit';
import { drawPage } from './page';
import { hostStyles } from '../ui/styles';
import { registerControls } from '../ui/toolkit';
import type { DrawnOutput } from './drawn-output';
import { drawOutput, outputStyles } from './output';
import { notebookStyles, toolkitStyles } from './styles';

/** What VS Code gives a renderer (`vscode-notebook-renderer`, `OutputItem`). */
interface OutputItem {
  readonly id: string;
  text(): string;
}

const sheets = [hostStyles, ...outputStyles, notebookStyles, toolkitStyles];

/** The font of the icons counts for a whole page; their classes stay within the output. */
const icons = new URL('codicon.css', import.meta.url).href;

function treeOf(element: HTMLElement): ShadowRoot {
  const root = element.shadowRoot ?? element.attachShadow({ mode: 'open' });
  root.adoptedStyleSheets = sheets.flatMap(({ styleSheet }: CSSResult) => (styleSheet ? [styleSheet] : []));
  const link = document.createElement('link');
  link.rel = 'stylesheet';
  link.href = icons;
  root.replaceChildren(link, document.createElement('div'));
  return root;
}

export function activate() {
  registerControls();
  const font = new FontFace('codicon', `url("${new URL('codicon.ttf', import.meta.url).href}")`);
  document.fonts.add(font);
  const shown = new Map<string, DrawnOutput>();
  const drop = (id: string): void => {
    shown.get(id)?.stop();
    shown.delete(id);
  };
  return {
    renderOutputItem(item: OutputItem, element: HTMLElement): void {
      drop(item.id);
      const place = treeOf(element).lastElementChild;
      if (!(place instanceof HTMLElement)) return;
      const drawn = drawOutput(place, item.text());
      if (!('why' in drawn)) shown.set(item.id, drawn);
      else {
        const words = document.createElement('p');
        words.setAttribute('role', 'alert');
        words.textContent = drawn.why;
        place.append(words);
      }
    },
    /** Without an id: all of them. */
    disposeOutputItem(id?: string): void {
      for (const one of id === undefined ? [...shown.keys()] : [id]) drop(one);
    },
  };
}

// A script that the page itself holds has the page's address: VS Code imports a file.
if (import.meta.url === document.baseURI) drawPage();
