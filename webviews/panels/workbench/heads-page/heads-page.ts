/** The page that a result of heads leaves as: choose heads, read values, all tables, and the result as data inside; it needs nothing else. */
import type { AnalysisResult } from '../../../../protocol/analysis/schema';
import { inlineScript, type PageScript } from '../../../../protocol/exports/html-page';
import type { HeadThumbnails } from '../../../../protocol/results/heads';
import { headsAnalysis, type HeadsMeasured } from '../../../../protocol/results/labelled-heads';
import { readThumbnails } from '../../../../protocol/results/thumbnails';
import type { HeadPlace } from '../../../../protocol/schema/written-form';
import type { HeadsSection } from '../../../../protocol/sections/heads';
import type { MatrixSection } from '../../../../protocol/sections/matrix';
import { shownToken } from '../../../../protocol/wire/token-name';
import { cividis, css } from '../../../charts/colour-map';
import type { OwnPage } from '../../../charts/leaving';
import { topLevel } from '../../../charts/tiles';
import { headClasses } from '../../../sections/heads/heads-classes';
import { sourceOf } from '../../../sections/matrix/head-source';
import { headKey } from '../../../ui/head-names';
import { significant } from '../../../ui/numbers';
import type { Theme } from '../../../ui/theme';
import { firstHead } from '../attention';
import { readPage, type PageData } from './page-script';

/** Undefined where the result has no heads of a prompt to choose from. `open`: the heads whose attention is open, the first is shown. */
export function pageOfHeads(
  result: AnalysisResult,
  open: readonly MatrixSection[],
  json: () => unknown,
): (() => Promise<OwnPage>) | undefined {
  const first = firstHead(result);
  const grid = result.sections.find(({ id }) => id === first?.grid);
  if (result.analysis !== headsAnalysis.id || !first || grid?.kind !== 'heads') return undefined;
  return async () => {
    const data = JSON.stringify(pageData(result, grid, open[0], first.head)).replaceAll('<', '\\u003c');
    return {
      before: chooser,
      after: `<script type="application/json" id="headscope-page">${data}</script>`,
      data: json(),
      script: await hashed(`(${readPage.toString()})();`),
    };
  };
}

/** The script and its SHA-256 for the page's policy. */
async function hashed(code: string): Promise<PageScript> {
  const text = inlineScript(code);
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)));
  return { text, hash: `sha256-${btoa(String.fromCharCode(...digest))}` };
}

function pageData(
  result: AnalysisResult,
  grid: HeadsSection,
  open: MatrixSection | undefined,
  first: HeadPlace,
): PageData {
  const { model, prompts } = result;
  const tokens = prompts[0]?.tokens ?? [];
  // By the schema of the analysis.
  const { thumbnails: written } = result.result as Partial<HeadsMeasured>;
  const thumbnails = written && readThumbnails(written);
  const shown = open && shownOf(open);
  const classes = headClasses(grid);
  const perHead = (rows: readonly (readonly number[])[]): (number | null)[][] =>
    rows.map((row) => row.map((value) => (Number.isFinite(value) ? Number(value.toPrecision(6)) : null)));
  return {
    layers: model.layers,
    heads: model.heads,
    tokens: tokens.map(shownToken),
    causal: model.causal,
    used: Math.min(thumbnails?.size ?? 0, tokens.length),
    size: thumbnails?.size ?? 0,
    pictures: thumbnails ? packed(thumbnails) : '',
    ...(shown ? { shown } : {}),
    values: grid.numbers.map(({ title, unit, values }) => ({ title, unit, rows: perHead(values) })),
    labels: Array.from({ length: model.layers }, (_, layer) =>
      Array.from({ length: model.heads }, (_unused, head) =>
        (classes.of.get(headKey(layer, head)) ?? []).map(({ class: { letter, title }, score }) => ({
          letter: letter ?? '',
          words: score === undefined ? title : `${title} ${significant(score, 2)}`,
        })),
      ),
    ),
    scale: Array.from({ length: 64 }, (_, stop) => css(cividis(stop / 63))),
    selected: open?.of ?? first,
  };
}

/** The open head in full, as far as its picture has come: the largest probability of each block of cells. */
function shownOf(section: MatrixSection): PageData['shown'] {
  const source = sourceOf(section);
  const tile = source?.coarsest();
  if (!source || !tile || (section.prompt ?? 0) !== 0) return undefined;
  const { outRows, outColumns, data } = tile;
  return {
    ...section.of,
    block: 2 ** topLevel(source.size),
    rows: Array.from({ length: outRows }, (_, row) =>
      Array.from(data.subarray(row * outColumns, (row + 1) * outColumns), (p) => Number(p.toPrecision(4))),
    ),
  };
}

/** 1.5e-5 apart: more than a colour shows, and half the bytes. */
function packed({ data }: HeadThumbnails): string {
  const numbers = new DataView(new ArrayBuffer(2 * data.length));
  data.forEach((value, at) => numbers.setUint16(2 * at, Math.round(Math.max(0, Math.min(1, value)) * 65535), true));
  const bytes = new Uint8Array(numbers.buffer);
  let text = '';
  for (let at = 0; at < bytes.length; at += 0x8000) text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  return btoa(text);
}

const chooser = `<section class="chooser" aria-label="Heads">
<div class="side">
<p><label>Colour by <select id="colour-by"></select></label> <span id="grid-scale" class="muted"></span></p>
<div id="heads" role="group" aria-label="Heads by layer; arrow keys choose another"></div>
<p id="grid-value" role="status"></p>
</div>
<div class="side">
<p><label>Head <select id="choose-head"></select></label> <strong id="head-name"></strong></p>
<div class="matrix"><div id="keys" class="axis"></div><div id="queries" class="axis"></div><canvas id="matrix" width="1" height="1"></canvas></div>
<p id="no-picture" hidden>The result holds no picture of this head.</p>
<p id="cell-value" role="status"></p>
<p id="scale" class="muted"></p>
<table><tbody id="head-numbers"></tbody></table>
</div>
</section>`;

export const pageRules = ({ muted, line, foreground }: Theme): string => `.muted { color: ${muted}; }
select { max-width: 100%; font: inherit; }
.chooser { display: flex; flex-wrap: wrap; gap: 24px; margin-bottom: 24px; }
.side { flex: 1 1 320px; min-width: 0; max-width: 560px; overflow-x: clip; }
#heads { display: grid; gap: 2px; align-items: center; }
#heads span { padding-right: 6px; color: ${muted}; }
#heads button { aspect-ratio: 1; min-width: 0; padding: 0; border: 1px solid ${line}; font: 600 11px sans-serif; overflow: hidden; cursor: pointer; }
#heads button[aria-pressed=true] { outline: 2px solid ${foreground}; outline-offset: 0; z-index: 1; }
#grid-value, #cell-value { min-height: 1.5em; margin: 8px 0 0; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
#scale { margin: 0 0 8px; }
.matrix { position: relative; margin: 84px 0 0 92px; }
#matrix { display: block; width: 100%; aspect-ratio: 1; image-rendering: pixelated; border: 1px solid ${line}; box-sizing: border-box; cursor: crosshair; }
.axis { position: absolute; color: ${muted}; font: 10px monospace; }
.axis span { position: absolute; white-space: pre; max-width: 86px; overflow: hidden; text-overflow: ellipsis; }
#queries { inset: 0 100% 0 -92px; width: 86px; }
#queries span { right: 0; top: var(--at); transform: translateY(-50%); }
#keys { left: 0; right: 0; top: -4px; }
#keys span { left: var(--at); bottom: 0; transform-origin: 0 100%; transform: rotate(-50deg); }
`;
