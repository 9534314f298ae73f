/** The twin of the pictures: labels with their evidence, all heads with all numbers, and the changes from another result. */
import { html, nothing, type TemplateResult } from 'lit';
import type { HeadEffects } from '../../../protocol/panels/heads';
import type { ClassAblation, HeadsResult, HeadClass } from '../../../protocol/results/heads-schema';
import { symbol } from '../../charts/symbol';
import { button } from '../../ui/controls';
import { count, probability, signed, significant } from '../../ui/numbers';
import { type Column, countColumn, numberColumn, table, textColumn, toMarkdown } from '../../ui/table';
import { others, pageOfRows, wholeTable } from '../../ui/whole-table';
import type { Part } from './actions';
import { headChangeColumns, headChanges, headChangeTable } from '../../ui/changes';
import { markdownCaption } from './captions';
import { differencesOf } from './comparison';
import { effectOf } from './head-effects';
import { labelInfo, labelsByHead, nullWords } from './labels';
import { headKey, headName, parseHead } from '../../ui/head-names';
import { type HeadPlace } from '../../../protocol/schema/written-form';
import type { State } from './state';
import { statisticInfo, statisticInfos, valueOf } from './statistics';

export const known = (value: number | undefined): number | undefined =>
  value === undefined || Number.isNaN(value) ? undefined : value;

const changeUnit = ({ interventions }: HeadsResult): string =>
  `nats/token${interventions.length > 0 ? ', on top of the interventions' : ''}`;

export function labelColumns(dark: boolean, result: HeadsResult): readonly Column<HeadClass>[] {
  const causal = result.classes.some((one) => one.causal !== undefined);
  const unit = changeUnit(result);
  return [
    textColumn('head', 'Head', ({ layer, head }) => headName(layer, head)),
    textColumn('label', 'Label', ({ label }) => labelInfo(label).title, {
      cell: ({ label }) => {
        const info = labelInfo(label);
        return html`<span title=${info.definition}>${symbol(info.identity, dark)} ${info.title}</span>`;
      },
    }),
    numberColumn('score', 'Score', ({ score }) => score, { hint: '0 to 1; the label’s own tooltip says of what.' }),
    countColumn('null', 'Null', (one) => one.null.mean, {
      unit: 'mean ± sd',
      hint: 'The same score where the structure that the label needs is absent.',
      text: (one) => nullWords(one.null),
    }),
    countColumn('p', 'p', ({ confidence }) => 1 - confidence, {
      hint: '1 − confidence: chance of such a score under the null. By a normal distribution where the null is a formula, by Student’s t where it was measured on random sequences.',
      text: ({ confidence }) => probability(Math.max(0, 1 - confidence)),
    }),
    ...(causal
      ? [
          countColumn('loss_change', 'Loss without it', (one: HeadClass) => known(one.causal?.lossChange), {
            unit,
            hint: 'Change of the mean loss on a repeated random sequence with the head’s gain at 0.',
            text: (one: HeadClass) => (one.causal?.alreadyOff ? 'already off' : signed(one.causal?.lossChange)),
          }),
          countColumn('prompt_loss_change', 'On the prompt', (one: HeadClass) => known(one.causal?.promptLossChange), {
            unit,
            hint: 'Change of the mean loss of the prompt’s own tokens with the head’s gain at 0.',
            text: (one: HeadClass) => signed(one.causal?.promptLossChange),
          }),
        ]
      : []),
  ];
}

/** What all heads of a label are worth together: single ones may be missed without loss while others do their work. */
export function ablationColumns(dark: boolean, result: HeadsResult): readonly Column<ClassAblation>[] {
  const unit = changeUnit(result);
  return [
    textColumn('label', 'Label', ({ label }) => labelInfo(label).title, {
      cell: ({ label }) => html`${symbol(labelInfo(label).identity, dark)} ${labelInfo(label).title}`,
    }),
    {
      id: 'heads',
      title: 'Heads',
      numeric: true,
      value: ({ heads }) => heads,
      text: ({ heads, alreadyOff }) => `${heads}${alreadyOff ? `, ${alreadyOff} already off` : ''}`,
    },
    countColumn('loss_change', 'Loss without them', ({ lossChange }) => known(lossChange), {
      unit,
      hint: 'Change of the mean loss on a repeated random sequence with the gain of all of them at 0.',
      text: ({ lossChange }) => signed(lossChange),
    }),
    countColumn('prompt_loss_change', 'On the prompt', ({ promptLossChange }) => known(promptLossChange), {
      unit,
      hint: 'Change of the mean loss of the prompt’s own tokens with the gain of all of them at 0.',
      text: ({ promptLossChange }) => signed(promptLossChange),
    }),
  ];
}

export function ablationTable({ state, dark }: Part): TemplateResult | typeof nothing {
  const { result } = state;
  if (!result?.classAblations?.length) return nothing;
  return html`<section aria-label="All heads of a label removed">
    <h2>All heads of a label removed at once</h2>
    ${table({
      caption: 'Loss without all heads of a label',
      columns: ablationColumns(dark, result),
      rows: result.classAblations,
      key: ({ label }) => label,
    })}
  </section>`;
}

/** Strongest evidence first. */
export const topLabels = ({ result }: State): readonly HeadClass[] =>
  (result?.classes ?? []).toSorted((a, b) => b.confidence - a.confidence || b.score - a.score);

export function labelTable(part: Part, most = Infinity): TemplateResult {
  const { state, actions, dark, compact } = part;
  const { result } = state;
  if (!result) return html``;
  const all = topLabels(state).filter(({ label }) => state.view.filter === undefined || label === state.view.filter);
  const rows = all.slice(0, state.view.allLabels ? most : Math.min(most, pageOfRows));
  const columns = labelColumns(dark, result);
  // 300 px hold three columns; the rest stands in the tooltip of the chip and in the full panel.
  const shown = compact ? columns.slice(0, 3) : columns;
  if (result.classes.length === 0) {
    return html`<p class="reason">
      ${result.settings['classify'] === false ? 'The heads were not labelled: switch “Label the heads” on and run again.' : 'No head differs enough from its null models to have a label on this prompt.'}
    </p>`;
  }
  return html`${table({
    caption: 'Labels of heads',
    columns: shown,
    rows,
    key: ({ layer, head, label }) => `${headKey(layer, head)}.${label}`,
    sort: state.view.tableSort,
    onSort: (tableSort) => actions.view({ tableSort }),
    selected: selectedKey(state, rows),
    onSelect: ({ layer, head }) => actions.select({ layer, head }),
  })}
  ${
    all.length <= rows.length
      ? nothing
      : most < Infinity
        ? html`<p class="reason">${count(all.length - rows.length)} more in the full panel.</p>`
        : others(all.length - rows.length, 'labels', () => actions.view({ allLabels: true }))
  }`;
}

const selectedKey = ({ selected }: State, rows: readonly HeadClass[]): string | undefined => {
  const row = rows.find(({ layer, head }) => layer === selected?.layer && head === selected.head);
  return row && `${headKey(row.layer, row.head)}.${row.label}`;
};

export interface HeadRow extends HeadPlace {
  readonly classes: readonly HeadClass[];
}

export function headRows(state: State): readonly HeadRow[] {
  const { result } = state;
  if (!result) return [];
  const labels = labelsByHead(result.classes);
  return Array.from({ length: result.layers * result.heads }, (_, at) => {
    const layer = Math.floor(at / result.heads);
    const head = at % result.heads;
    return { layer, head, classes: labels.get(headKey(layer, head)) ?? [] };
  });
}

export function headColumns(state: State): readonly Column<HeadRow>[] {
  const { result } = state;
  return [
    textColumn('head', 'Head', ({ layer, head }) => headName(layer, head)),
    textColumn(
      'label',
      'Labels',
      ({ classes }) => classes.map(({ label }) => labelInfo(label).title).join(', ') || undefined,
    ),
    ...effectColumns(state.headEffects?.effects),
    ...statisticInfos.map(({ id, title, unit, definition }): Column<HeadRow> => ({
      id,
      title,
      ...(unit ? { unit } : {}),
      numeric: true,
      hint: definition,
      value: ({ layer, head }) => (result ? known(valueOf(result.statistics, id, layer, head)) : undefined),
      text: ({ layer, head }) => significant(result ? valueOf(result.statistics, id, layer, head) : Number.NaN),
    })),
  ];
}

function effectColumns(effects: HeadEffects | undefined): readonly Column<HeadRow>[] {
  if (!effects) return [];
  const { title, unit, definition, interval } = effects;
  return [
    countColumn('effect', 'Effect of removing it', (row: HeadRow) => known(effectOf(effects, row)), {
      unit,
      hint: `${title}: ${definition}`,
      text: (row: HeadRow) => signed(effectOf(effects, row)),
    }),
    ...(interval === undefined
      ? []
      : [
          textColumn<HeadRow>('effect_interval', 'Interval', (row) => {
            const [low, high] = [effectOf(effects, row, 'low'), effectOf(effects, row, 'high')];
            return Number.isNaN(low) ? undefined : `${signed(low)} to ${signed(high)}`;
          }),
        ]),
  ];
}

export function headTable(part: Part): TemplateResult {
  const { state, actions } = part;
  const columns = headColumns(state);
  const named = parseHead(state.view.search);
  const all = headRows(state).filter(
    ({ layer, head, classes }) =>
      (!named || (named.layer === layer && named.head === head)) &&
      (state.view.filter === undefined || classes.some(({ label }) => label === state.view.filter)),
  );
  return wholeTable(part, {
    caption: 'All heads',
    noun: 'heads',
    columns,
    rows: all,
    key: ({ layer, head }) => headKey(layer, head),
    sort: state.view.tableSort,
    onSort: (tableSort) => actions.view({ tableSort }),
    selected: state.selected && headKey(state.selected.layer, state.selected.head),
    onSelect: ({ layer, head }) => actions.select({ layer, head }),
    whole: state.view.allHeads,
    onWhole: () => actions.view({ allHeads: true }),
    before: markdownCaption(state, 'All heads'),
  });
}

export function changeTable(part: Part): TemplateResult | typeof nothing {
  const { state, actions } = part;
  const { result, compareWith, view } = state;
  if (!result || !compareWith) return nothing;
  const differences = differencesOf(state, view.statistic);
  if (!differences.ok) return html`<p class="problem">${differences.why}</p>`;
  const info = statisticInfo(view.statistic);
  const of = (one: HeadsResult) => (place: HeadPlace) =>
    valueOf(one.statistics, view.statistic, place.layer, place.head);
  const rows = headChanges(result, of(result), of(compareWith.result)).slice(0, pageOfRows);
  const columns = headChangeColumns(compareWith.name, info.unit);
  const title = `Change of ${info.words} from ${compareWith.name}`;
  return html`<div class="section-head">
      <p class="reason">${info.title}: ${info.definition} Largest changes first.</p>
      ${button({
        label: 'Copy the changes as Markdown',
        icon: 'copy',
        appearance: 'icon',
        id: 'copy-changes',
        onClick: () =>
          actions.copy(`${markdownCaption(state, title)}${toMarkdown(columns, rows)}`, 'The changes as Markdown'),
      })}
    </div>
    ${headChangeTable(title, columns, rows, state.selected, (place) => actions.select(place))}`;
}
