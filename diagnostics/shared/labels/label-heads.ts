/** Scores and labels of the heads of a run: random sequences are run beside it for what its prompt cannot show. */
import { markedRows } from '../../../models/architectures/marked-tokens';
import { addsAtPositions, changesOf, type Variant, hasChange } from '../../../models/instrument/changes/changes';
import type { HeadLabel } from '../../../protocol/results/heads';
import type { ClassAblation, HeadClass, LabelScores } from '../../../protocol/results/heads-schema';
import { leastDeviation } from '../../../protocol/results/label-rules';
import { refusal } from '../../../protocol/wire/failures';
import type { HeadNumbers } from '../../model-runner/head-numbers';
import type { ModelRunner } from '../../model-runner/model-runner';
import type { Sequence } from '../../model-runner/sequence';
import { causalCheck } from './causal-check';
import type { LabelRun, LabelStage } from './label-run';
import { judged, labelsAmong, scoreHeads, type JudgedScore } from './labels';
import { runProbes } from './probe-runs';

export interface LabelledHeads {
  readonly classes: readonly HeadClass[];
  /** By label; a label that needs a random sequence is absent where none could be made. */
  readonly labelScores: Readonly<Partial<Record<HeadLabel, LabelScores>>>;
  /** With the causal check only. */
  readonly classAblations?: readonly ClassAblation[];
}

export interface MeasuredPrompt {
  readonly sequence: Sequence;
  /** By layer. */
  readonly statistics: readonly HeadNumbers[];
}

export interface LabelledStage extends LabelStage {
  /** Once they are known, without the causal check. */
  readonly labelled?: LabelledHeads;
}

export async function* labelHeads(
  model: ModelRunner,
  { sequence, statistics }: MeasuredPrompt,
  run: LabelRun & { readonly causal: boolean },
): AsyncGenerator<LabelledStage, LabelledHeads> {
  const { probed, unstructured } = yield* runProbes(model, { ...run, source: sequence.source });
  const { causal, windows } = model.facts.summary;
  const { length } = sequence.ids;
  const chunked = model.facts.blocks.map((block) => block.chunked === true);
  const marked = model.facts.blocks.map(({ marks }) => (marks ? markedRows(marks, sequence.ids) : []));
  const scores = scoreHeads({ prompt: statistics, length, causal, windows, chunked, marked, probed, unstructured });
  const labelled = { classes: labelsAmong(scores), labelScores: inTables(judged(scores), chunked.length) };
  if (!run.causal) return labelled;
  const sentence = `Removing ${labelled.classes.length} labelled heads, alone and by label`;
  yield { sentence, done: 0, total: 0, labelled };
  const { classes, ablations } = yield* causalCheck(model, sequence, labelled.classes, run);
  return { ...labelled, classes, classAblations: ablations };
}

/** Labels are measured on sequences of their own, on which a change at positions of the prompt would be another one. */
export function requireAnywhere(variant: Variant): void {
  const placed = changesOf(variant, 'replacement').some(
    ({ everywhere = false, positions }) => !everywhere || positions !== undefined,
  );
  if (!placed && !hasChange(variant, 'bias', 'weight') && !addsAtPositions(variant)) return;
  throw refusal(
    'An intervention acts on positions of this prompt, and labels are measured on other sequences. Leave it out, or change the whole head (a gain).',
  );
}

type ScoreTable = LabelScores & Record<'score' | 'nullMean' | 'nullSd' | 'confidence' | 'needed', number[][]>;

const rowsOf = (layers: number): number[][] => Array.from({ length: layers }, () => []);

/** Layers without attention have rows without heads. */
function inTables(scores: readonly JudgedScore[], layers: number): LabelledHeads['labelScores'] {
  const tables: Partial<Record<HeadLabel, ScoreTable>> = {};
  for (const { layer, head, label, score, null: none, confidence, needed } of scores) {
    const { mean, sd, seeds } = none;
    const table = (tables[label] ??= {
      score: rowsOf(layers),
      nullMean: rowsOf(layers),
      nullSd: rowsOf(layers),
      ...(seeds === undefined ? {} : { nullSeeds: seeds, nullFloor: leastDeviation }),
      confidence: rowsOf(layers),
      needed: rowsOf(layers),
    });
    const put = (rows: number[][], value: number): void => {
      rows[layer]![head] = value;
    };
    put(table.score, score);
    put(table.nullMean, mean);
    put(table.nullSd, sd);
    put(table.confidence, confidence);
    put(table.needed, needed);
  }
  return tables;
}
