/** A folder of pictures: scores with and without reinforcement, T-VHD of true and hallucinated words, every picture. */
import { html, nothing, type TemplateResult } from 'lit';
import type { CaptionSetScore, HallucinationSet } from '../../../protocol/results/hallucination-schema';
import { count, percent, significant } from '../../ui/numbers';
import { type Column, countColumn, table, textColumn } from '../../ui/table';
import { folded } from '../../ui/panel-page';
import { readTheme } from '../../ui/theme';
import type { Part } from './actions';
import { changeView } from './change-view';
import { histogram, histogramTable } from './histogram';
import { labelNote } from './notes';
import { drawnWords } from './sample-words';
import { entryTable } from './tables';
import { plainName, variantHint, variantName } from './variant-words';

export interface ScoreRow {
  readonly name: string;
  readonly hint: string;
  readonly score: CaptionSetScore;
}

export const scoreRows = (set: HallucinationSet): readonly ScoreRow[] => [
  { name: plainName, hint: 'The model as it is', score: set.plain },
  ...set.variants.map(({ reinforcement, score }) => ({
    name: variantName(reinforcement),
    hint: variantHint(reinforcement),
    score,
  })),
];

/** Of `rows`: those of results of earlier versions do not say how many captions were cut. */
export function setScoreColumns(rows: readonly ScoreRow[]): readonly Column<ScoreRow>[] {
  const share = (id: Exclude<keyof CaptionSetScore, 'unfinished'>, title: string, hint: string): Column<ScoreRow> =>
    countColumn(id, title, ({ score }) => (score[id] === null ? undefined : score[id] * 100), {
      unit: '%',
      hint,
      text: ({ score }) => percent(score[id]).replace(' %', ''),
    });
  return [
    textColumn('captions', 'Captions', ({ name }) => name, {
      cell: ({ name, hint }) => html`<span title=${hint}>${name}</span>`,
    }),
    share('chairS', 'CHAIR_S', 'Captions with at least one object that is not in the picture.'),
    share('chairI', 'CHAIR_I', 'Mentions of objects that are not in the picture, over all mentions.'),
    share('recall', 'Recall', 'Objects of the pictures that the captions name.'),
    countColumn('length', 'Length', ({ score }) => score.length ?? undefined, {
      unit: 'words',
      hint: 'Words per caption: a reinforcement that breaks the text wins CHAIR by saying little.',
      text: ({ score }) => significant(score.length ?? Number.NaN),
    }),
    ...(rows.some(({ score }) => score.unfinished !== undefined)
      ? [
          countColumn<(typeof rows)[number]>('unfinished', 'Unfinished', ({ score }) => score.unfinished, {
            unit: 'captions',
            hint: 'Captions that stopped at the token limit: what they might have named later is not scored.',
            text: ({ score }) => (score.unfinished === undefined ? '–' : count(score.unfinished)),
          }),
        ]
      : []),
    share('precision', 'Precision', 'Distinct true objects over distinct objects named.'),
    share('f1', 'F1', 'Harmonic mean of precision and recall.'),
  ];
}

/** 300 px hold four columns; the rest stands in the full panel. */
const narrow: readonly string[] = ['captions', 'chairS', 'recall', 'length'];

/** Fewer words, or far less recall: CHAIR alone would call that a success. */
export function warningOf(set: HallucinationSet): string | undefined {
  const { plain } = set;
  const worse = set.variants.find(
    ({ score }) =>
      (plain.length !== null && score.length !== null && score.length < 0.7 * plain.length) ||
      (plain.length !== null && score.length !== null && score.length > 1.5 * plain.length) ||
      (plain.recall !== null && score.recall !== null && score.recall < 0.8 * plain.recall),
  );
  if (!worse) return undefined;
  return `${variantName(worse.reinforcement)} changes the length (${significant(worse.score.length ?? Number.NaN)} words, plain ${significant(plain.length ?? Number.NaN)}) or the recall (${percent(worse.score.recall)}, plain ${percent(plain.recall)}) so much that its CHAIR says little: the text may be broken.`;
}

export function setView(part: Part): TemplateResult {
  const { state, compact } = part;
  const { set, entries, entryFailures } = state;
  const shown = set?.entries ?? entries;
  const failures = set?.failures ?? entryFailures;
  const pictures = (): TemplateResult =>
    shown.length > 0 ? entryTable(part, shown) : html`<p class="reason">They appear here one by one.</p>`;
  return html`${set ? scores(part, set) : nothing}
  ${
    compact && set
      ? folded(part, { name: 'entries', title: `${count(shown.length)} pictures` }, pictures)
      : html`<section class="entries" aria-label="Pictures">
          <h2>
            Pictures
            <span class="muted"
              >${count(shown.length)}${set && set.total > shown.length ? ` of ${count(set.total)}` : ''}${drawnWords(set?.sample)}</span
            >
          </h2>
          ${pictures()}
        </section>`
  }
  ${
    failures.length > 0
      ? folded(
          part,
          { name: 'failures', title: `${count(failures.length)} could not be captioned` },
          () =>
            html`<ul class="provenance">
              ${failures.map(({ name, why }) => html`<li>${name}: ${why}</li>`)}
            </ul>`,
        )
      : nothing
  }`;
}

function scores(part: Part, set: HallucinationSet): TemplateResult {
  const { dark, compact } = part;
  const theme = readTheme();
  const warning = warningOf(set);
  const { separation } = set;
  const rows = scoreRows(set);
  const columns = setScoreColumns(rows);
  return html`<div class="set-scores">
    <section aria-label="Scores">
      <h2>Hallucinated objects <span class="muted">CHAIR, with what it must be read with</span></h2>
      ${table({
        caption: 'Scores of the captions',
        columns: compact ? columns.filter(({ id }) => narrow.includes(id)) : columns,
        rows,
        key: ({ name }) => name,
      })}
      ${warning ? html`<p class="reason warning broken">${warning}</p>` : nothing} ${labelNote(set)}
    </section>
    ${changeView(set, compact)}
    <section class="set-histogram" aria-label="T-VHD of object words">
      <h2>
        T-VHD of object words
        <span class="muted" id="auroc"
          >${separation.auroc === null ? 'AUROC needs words of both kinds' : `AUROC ${separation.auroc.toFixed(3)}`}</span
        >
      </h2>
      ${histogram(separation, { dark, foreground: theme.foreground, muted: theme.muted, line: theme.line, wide: !compact })}
      ${folded(part, { name: 'histogram', title: 'As a table', id: 'histogram-table' }, () =>
        histogramTable(separation),
      )}
    </section>
  </div>`;
}
