/** What a file that leaves the panel says of what it shows: the prompt, and of a comparison both results. Pure. */
import { differenceSentence } from '../../../protocol/results/comparability';
import type { HeadsResult } from '../../../protocol/results/heads-schema';
import { count } from '../../ui/numbers';
import { differencesOf } from './comparison';
import { changesWords } from './finding';
import type { State } from './state';
import { statisticInfos } from './statistics';

/** Characters of a prompt that a caption or a cell holds: the JSON has all of a longer one, and no picture would be high enough. */
const mostOfPrompt = 8000;

/** As it was given, or put together from its tokens; the end is cut where it is long. */
export function promptOf({ prompt, tokens }: HeadsResult, most = mostOfPrompt): string {
  const text = prompt ?? tokens.join('');
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}

/** `2026-11-24 15:00 UTC`. */
const dayAndTime = (created: string): string =>
  /^\d{4}-\d\d-\d\dT\d\d:\d\d.*Z$/.test(created) ? `${created.slice(0, 10)} ${created.slice(11, 16)} UTC` : created;

/** Model, prompt and date of one result. */
const runLine = (result: HeadsResult): string =>
  `${result.model.name} (hash ${result.model.hash.slice(0, 12)}), ${count(result.ids.length)} tokens “${promptOf(result)}”${result.interventions.length > 0 ? `, ${changesWords(result)}` : ''}, ${dayAndTime(result.created)}`;

/** Both results of a comparison; none without one. */
export function comparisonLines({ result, compareWith }: State): readonly string[] {
  if (!result || !compareWith) return [];
  return [
    `Compared with ${compareWith.name}: changes are this result less that one. ${differenceSentence(result, compareWith.result)}`,
    `This: ${runLine(result)}`,
    `${compareWith.name}: ${runLine(compareWith.result)}`,
  ];
}

/** For machines: what a result is compared with, and the change of every statistic where the shapes agree. */
export function comparisonData(state: State): object | undefined {
  const { result, compareWith } = state;
  if (!result || !compareWith) return undefined;
  const { name, result: other } = compareWith;
  const { model, prompt, ids, interventions, seed, created, headscope, device, settings } = other;
  const changes = statisticInfos.flatMap(({ id }) => {
    const change = differencesOf(state, id);
    const row = (layer: number) =>
      Array.from({ length: result.heads }, (_, head) => (change.ok ? change.at(layer, head) : 0));
    return change.ok ? [[id, Array.from({ length: result.layers }, (_, layer) => row(layer))] as const] : [];
  });
  return {
    name,
    ...{ model, prompt, ids, interventions, seed, created, headscope, device, settings },
    ...(changes.length > 0 ? { changes: Object.fromEntries(changes) } : {}),
  };
}

/** Lines before a table that is copied as Markdown. */
export const markdownCaption = (state: State, title: string): string =>
  state.result
    ? `${[title, ...(state.compareWith ? comparisonLines(state) : [runLine(state.result)])].map((line) => line.replaceAll('\n', ' ')).join('  \n')}\n\n`
    : '';
