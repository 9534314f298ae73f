/**
 * One head looked at closer: the tokens that its output raises and lowers (its OV circuit, W_U norm W_O W_V x), the keys that its
 * query reads, and the tokens whose embeddings it would read (its QK circuit); Elhage et al. 2021, "A Mathematical Framework for
 * Transformer Circuits", sections on OV and QK circuits.
 */
import type { HeadPlace } from '../../../protocol/schema/written-form';
import { refusal } from '../../../protocol/wire/failures';
import type { SectionQuestion } from '../../../protocol/analysis/schema';
import type { SectionCell, SectionColumn, TableSection } from '../../../protocol/sections/table';
import { quotedToken, shownToken } from '../../../protocol/wire/token-name';
import type { AnalysisJob } from '../../analysis';
import type { StreamRow } from '../../model-runner/direct-paths';
import type { ModelRunner, Prompt } from '../../model-runner/model-runner';
import { ranked } from './finding';
import { writingHeads } from '../../shared/effects/parts';
import { largest } from '../../shared/statistics/largest';
import type { DirectParameters } from './parameters';
import type { DirectResult } from './result';
import { streamRow } from '../../model-runner/stream-row';
import { namedToken } from '../../model-runner/named-token';
import * as build from '../../../protocol/sections/builders';

/** Tokens of each list. */
const shown = 10;
/** Multiplications at most for the keys of all embeddings: some ten seconds on two cores. */
const mostProducts = 5e11;
/** Embeddings at a time. */
const together = 1024;

interface Listed {
  readonly columns: readonly SectionColumn[];
  readonly rows: readonly (readonly SectionCell[])[];
}

export async function lookCloser(
  model: ModelRunner,
  job: AnalysisJob<DirectParameters>,
  result: DirectResult,
  question: SectionQuestion,
): Promise<TableSection> {
  const place = headOf(result, question);
  const { layer, head } = place;
  const sequence = sequenceOf(job);
  const row = positionOf(job.parameters, sequence.ids.length);
  const stream = await streamRow(model, sequence, job.variant, row);
  // A head of a recurrence has no query, key or value of a token: what it writes is all.
  const attends = (model.facts.blocks[layer]?.heads ?? 0) > 0;
  const lists = [
    await wrote(model, stream, place, own(stream, place, model), 'its own output at the position', ''),
    ...(attends
      ? [
          ...(await ofToken(model, stream, place, job.parameters.from)),
          await read(model, job, sequence, place, row),
          ...(await wouldRead(model, stream, place, row)),
        ]
      : []),
  ];
  const [first] = job.input.prompts;
  return build.cellTable(
    `${question.section}-L${layer}H${head}`,
    `What L${layer}H${head} writes${attends ? ' and reads' : ''}`,
    `${first ? 'At' : 'On the first prompt of the task, at'} position ${row}. Logits are added with the final norm frozen, before soft capping.`,
    lists.flatMap(({ columns }) => columns),
    Array.from({ length: shown }, (_, at) => lists.flatMap(({ columns, rows }) => rows[at] ?? columns.map(() => null))),
  );
}

/** The position of the parameter in a sequence of so many tokens; fails where it lies behind. */
export function positionOf({ position }: Pick<DirectParameters, 'position'>, length: number): number {
  if (position < length) return position < 0 ? length - 1 : position;
  throw refusal(
    `There is no position ${position}: the prompt has ${length} tokens, from 0. Name one of them, or -1 for the last.`,
  );
}

function headOf({ heads }: DirectResult, { section, place }: SectionQuestion): HeadPlace {
  if (place.kind === 'head') return place;
  const row = section === 'largest' && place.kind === 'row' ? ranked(heads)[place.row] : undefined;
  if (!row) throw new RangeError(`nothing is known of this place of ${section}`);
  return row;
}

function sequenceOf({ input, groups }: AnalysisJob<DirectParameters>): Pick<Prompt, 'ids' | 'groups'> {
  const prompt = input.prompts[0] ?? input.task?.samples[0]?.prompt;
  if (!prompt) throw new RangeError('the analysis reads a prompt or a task');
  return { ...prompt, groups };
}

const blockOf = ({ facts }: ModelRunner, { layer, head }: HeadPlace) => {
  const block = facts.blocks[layer];
  if (!block) throw new RangeError(`the model has no layer ${layer}`);
  const { heads, kvHeads } = block;
  return { heads, kvHeads, headDim: writingHeads(block).headDim, shared: Math.floor(head / (heads / kvHeads)) };
};

/** The output of one head alone, [h d]. */
function own({ headOutputs }: StreamRow, place: HeadPlace, model: ModelRunner): Float32Array {
  const { headDim } = blockOf(model, place);
  const all = headOutputs[place.layer] ?? new Float32Array(0);
  const part = new Float32Array(all.length);
  part.set(all.subarray(place.head * headDim, (place.head + 1) * headDim), place.head * headDim);
  return part;
}

async function wrote(
  model: ModelRunner,
  stream: StreamRow,
  { layer }: HeadPlace,
  part: Float32Array,
  what: string,
  suffix: string,
): Promise<Listed> {
  const logits = await model.direct.written(stream, layer, part);
  const raised = largest(logits, shown);
  const lowered = largest(
    logits.map((value) => -value),
    shown,
  );
  const of = suffix === '' ? '' : ` (${suffix})`;
  return {
    columns: [
      build.text(`raises${suffix}`, `Raises${of}`),
      build.number(`by${suffix}`, 'by', `Logit that ${what} adds.`, 'logits'),
      build.text(`lowers${suffix}`, `Lowers${of}`),
      build.number(`less${suffix}`, 'by', `Logit that ${what} adds.`, 'logits'),
    ],
    rows: raised.map((id, at) => {
      const low = lowered[at] ?? id;
      const [up = '', down = ''] = model.pieces([id, low]).map(shownToken);
      return [up, logits[id] ?? Number.NaN, down, logits[low] ?? Number.NaN];
    }),
  };
}

/** What the head would write if all its attention were on a key whose stream is the bare embedding of the token. */
async function ofToken(
  model: ModelRunner,
  stream: StreamRow,
  place: HeadPlace,
  name: string,
): Promise<readonly Listed[]> {
  const id = namedToken(model, name);
  if (id === undefined) return [];
  const { headDim, heads, shared } = blockOf(model, place);
  const { value } = await model.direct.projected(place.layer, await model.direct.embedded([id]));
  const { gate } = await model.direct.projected(place.layer, [stream.streams[place.layer] ?? new Float32Array(0)]);
  const part = new Float32Array(heads * headDim);
  part.set((value[0] ?? part).subarray(shared * headDim, (shared + 1) * headDim), place.head * headDim);
  // The gates come from the token that reads.
  gate?.[0]?.forEach((factor, i) => (part[i] = (part[i] ?? 0) * factor));
  const text = quotedToken(model.pieces([id])[0] ?? '');
  return [await wrote(model, stream, place, part, `reading the embedding of ${text}`, `if it reads ${text}`)];
}

async function read(
  model: ModelRunner,
  { variant }: AnalysisJob<DirectParameters>,
  sequence: Pick<Prompt, 'ids' | 'groups'>,
  { layer, head }: HeadPlace,
  row: number,
): Promise<Listed> {
  const { layers } = await model.run({
    ...sequence,
    variants: [variant],
    maps: [{ layer, head }],
    depth: layer + 1,
    logits: 'none',
  });
  const length = sequence.ids.length;
  const weights = layers[layer]?.maps.get(head)?.subarray(row * length, (row + 1) * length) ?? new Float32Array(0);
  const keys = largest(weights, shown).filter((key) => (weights[key] ?? 0) > 0);
  const texts = model.pieces(keys.map((key) => sequence.ids[key] ?? 0));
  return {
    columns: [
      build.text('reads', 'Reads'),
      build.number(
        'attention',
        'attention',
        'Probability that the query at the position gives this key of the prompt.',
      ),
    ],
    rows: keys.map((key, at) => [`${key}: ${shownToken(texts[at] ?? '')}`, weights[key] ?? Number.NaN]),
  };
}

/** Tokens whose bare embeddings, as keys, the query at the position scores highest, before rotation. */
async function wouldRead(
  model: ModelRunner,
  { streams }: StreamRow,
  place: HeadPlace,
  row: number,
): Promise<readonly Listed[]> {
  const { heads, kvHeads, headDim, shared } = blockOf(model, place);
  const { vocabulary } = model.facts.summary;
  const stream = streams[place.layer];
  if (!stream || vocabulary * model.facts.hiddenSize * (heads + 2 * kvHeads) * headDim > mostProducts) return [];
  const { query } = await model.direct.projected(place.layer, [stream]);
  const asked = query[0]?.subarray(place.head * headDim, (place.head + 1) * headDim) ?? new Float32Array(0);
  const scores = new Float32Array(vocabulary);
  for (let first = 0; first < vocabulary; first += together) {
    model.signal.throwIfAborted();
    const ids = Array.from({ length: Math.min(together, vocabulary - first) }, (_, i) => first + i);
    const { key } = await model.direct.projected(place.layer, await model.direct.embedded(ids));
    key.forEach((all, at) => {
      let sum = 0;
      for (let i = 0; i < headDim; i++) sum += (asked[i] ?? 0) * (all[shared * headDim + i] ?? 0);
      scores[first + at] = sum / Math.sqrt(headDim);
    });
  }
  const best = largest(scores, shown);
  const texts = model.pieces(best);
  return [
    {
      columns: [
        build.text('asks', 'Asks for (embeddings)'),
        build.number(
          'score',
          'score',
          `q · k / √d: the query at position ${row} and the key of the bare embedding of the token, before rotation.`,
        ),
      ],
      rows: best.map((id, at) => [shownToken(texts[at] ?? ''), scores[id] ?? Number.NaN]),
    },
  ];
}
