/** A page that needs nothing else: choose heads, read values, all tables, and the result as data inside. */
import type { HeadThumbnails } from '../../../protocol/results/heads';
import type { HeadsResult } from '../../../protocol/results/heads-schema';
import { shownToken } from '../../../protocol/wire/token-name';
import { cividis, css } from '../../charts/colour-map';
import { htmlTable } from '../../charts/html-page';
import type { OwnPage } from '../../charts/leaving';
import { headKey } from '../../ui/head-names';
import { count, significant } from '../../ui/numbers';
import type { Theme } from '../../ui/theme';
import { differencesOf } from './comparison';
import { effectOf } from './head-effects';
import type { ShownHead } from './head-figure';
import { labelInfo, labelInfos, labelsByHead } from './labels';
import { readPage, type PageData } from './page-script';
import type { State } from './state';
import { statisticInfos } from './statistics';
import { ablationColumns, headColumns, headRows, labelColumns, topLabels } from './tables';

export async function ownPage(
  state: State,
  result: HeadsResult,
  head: ShownHead | undefined,
  data: object,
): Promise<OwnPage> {
  return {
    before: chooser,
    after: `<script type="application/json" id="headscope-page">${JSON.stringify(pageData(state, result, head)).replaceAll('<', '\\u003c')}</script>`,
    data,
    script: await hashed(`(${readPage.toString()})();`),
  };
}

export const pageTables = (state: State, result: HeadsResult, dark: boolean): readonly string[] => [
  htmlTable(`${count(result.classes.length)} labels`, labelColumns(dark, result), topLabels(state)),
  ...(result.classAblations?.length
    ? [htmlTable('Loss without all heads of a label', ablationColumns(dark, result), result.classAblations)]
    : []),
  htmlTable(`${count(result.layers * result.heads)} heads`, headColumns(state), headRows(state)),
];

/** The script and its SHA-256 for the page's policy. */
async function hashed(text: string): Promise<{ readonly text: string; readonly hash: string }> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)));
  return { text, hash: `sha256-${btoa(String.fromCharCode(...digest))}` };
}

function pageData(state: State, result: HeadsResult, head: ShownHead | undefined): PageData {
  const labels = labelsByHead(result.classes);
  const { thumbnails } = state;
  const effects = state.headEffects?.effects;
  const perHead = (of: (layer: number, head: number) => number): (number | null)[][] =>
    Array.from({ length: result.layers }, (_, layer) =>
      Array.from({ length: result.heads }, (_unused, at) => {
        const value = of(layer, at);
        return Number.isFinite(value) ? Number(value.toPrecision(6)) : null;
      }),
    );
  return {
    layers: result.layers,
    heads: result.heads,
    tokens: result.tokens.map(shownToken),
    causal: result.model.causal,
    used: Math.min(thumbnails?.size ?? 0, result.ids.length),
    size: thumbnails?.size ?? 0,
    pictures: thumbnails ? packed(thumbnails) : '',
    ...(head
      ? {
          shown: {
            layer: head.layer,
            head: head.head,
            block: head.block,
            rows: Array.from({ length: head.tile.outRows }, (_, row) =>
              Array.from(head.tile.data.subarray(row * head.tile.outColumns, (row + 1) * head.tile.outColumns), (p) =>
                Number(p.toPrecision(4)),
              ),
            ),
          },
        }
      : {}),
    values: [
      ...(effects
        ? [
            {
              title: effects.title,
              unit: effects.unit,
              rows: perHead((layer, at) => effectOf(effects, { layer, head: at })),
            },
          ]
        : []),
      ...statisticInfos.map(({ id, title, unit }) => ({
        title,
        unit: unit ?? '',
        rows: perHead((layer, at) => result.statistics[id][layer]?.[at] ?? Number.NaN),
      })),
      ...statisticInfos.flatMap(({ id, title, unit }) => {
        const change = differencesOf(state, id);
        return change.ok ? [{ title: `Change of ${title}`, unit: unit ?? '', rows: perHead(change.at) }] : [];
      }),
      ...labelInfos.flatMap(({ id, title }) => {
        const scores = result.labelScores?.[id];
        return scores
          ? [
              {
                title: `Score of ${title}`,
                unit: '',
                rows: perHead((layer, at) => scores.score[layer]?.[at] ?? Number.NaN),
              },
            ]
          : [];
      }),
    ],
    labels: Array.from({ length: result.layers }, (_, layer) =>
      Array.from({ length: result.heads }, (_unused, at) =>
        (labels.get(headKey(layer, at)) ?? []).map(({ label, score }) => ({
          letter: labelInfo(label).letter,
          words: `${labelInfo(label).title} ${significant(score, 2)}`,
        })),
      ),
    ),
    scale: Array.from({ length: 64 }, (_, stop) => css(cividis(stop / 63))),
    selected: state.selected ?? { layer: 0, head: 0 },
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
