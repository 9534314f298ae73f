/**
 * Total effects: outputs of heads and MLPs at the last position are replaced by those at the last position of other prompts, whose
 * right label is another one (resampling). Everything behind is computed anew.
 */
import type { ReplacementChange } from '../../../models/instrument/changes/replacement';
import { random as randomFrom, seedFor } from '../../../kernels/tensors/random';
import { answersOf, lastOf, type Answered } from '../../shared/choices/answers';
import type { ChoicePrompt } from '../../shared/choices/prompt';
import { streamRow } from '../../model-runner/stream-row';
import { replacing, type Part } from '../../shared/effects/parts';
import type { StreamRow } from '../../model-runner/direct-paths';
import type { ModelRunner } from '../../model-runner/model-runner';
import { sample } from '../../tasks/draft';
import { mean } from '../../../kernels/tensors/vectors';

/** Loss in nats, and whether the right label is chosen; means over the sources. */
interface Outcome {
  readonly loss: number;
  readonly accuracy: number;
}

export const levelNames = [
  'nothing replaced',
  'every head and MLP replaced',
  'the output nodes replaced',
  'all others replaced',
  'all others replaced, the output nodes held',
] as const;

export interface PatchedPrompt {
  /** In the order of `levelNames`. */
  readonly levels: readonly Outcome[];
  /** Loss with a node replaced less that without, in nats, [nodes patched]. */
  readonly totals: readonly number[];
}

/** Draws up to `count` prompts with another right label than prompt `at`. */
export function sourcesOf(
  prompts: readonly ChoicePrompt[],
  at: number,
  count: number,
  seed: number,
): readonly ChoicePrompt[] {
  const right = prompts[at]?.right;
  const others = prompts.filter((prompt) => prompt.right !== right);
  return sample(randomFrom(seedFor(seed, `sources ${at}`)), others, Math.min(count, others.length));
}

/** `all`: every head and MLP; `output` and `patched` are some of them. */
export async function patchedPrompt(
  model: ModelRunner,
  prompt: ChoicePrompt,
  sources: readonly ChoicePrompt[],
  nodes: { readonly all: readonly Part[]; readonly output: readonly Part[]; readonly patched: readonly Part[] },
): Promise<PatchedPrompt> {
  const own = replacer(model, await rowOf(model, prompt), lastOf(prompt));
  const held = nodes.output.map(own);
  const others = nodes.all.filter((part) => !nodes.output.includes(part));
  const found: (readonly Answered[])[] = [];
  for (const source of sources) {
    const other = replacer(model, await rowOf(model, source), lastOf(prompt));
    const from = new Map(nodes.all.map((part) => [part, other(part)]));
    const of = (parts: readonly Part[]): readonly ReplacementChange[] => parts.flatMap((part) => from.get(part) ?? []);
    const lists = [
      [],
      of(nodes.all),
      of(nodes.output),
      of(others),
      [...of(others), ...held],
      ...nodes.patched.map((part) => of([part])),
    ];
    found.push(await answersOf(model, prompt, lists));
  }
  const outcome = (at: number): Outcome => ({
    loss: mean(found.map((answers) => answers[at]?.loss ?? Number.NaN)),
    accuracy: mean(found.map((answers) => (answers[at]?.correct === true ? 1 : 0))),
  });
  const levels = levelNames.map((_, at) => outcome(at));
  const plain = levels[0]?.loss ?? Number.NaN;
  return { levels, totals: nodes.patched.map((_, at) => outcome(levels.length + at).loss - plain) };
}

const rowOf = (model: ModelRunner, prompt: ChoicePrompt): Promise<StreamRow> =>
  streamRow(model, { ids: prompt.ids }, [], lastOf(prompt));

/** The outputs of a row as replacements at a position. */
function replacer({ facts }: ModelRunner, row: StreamRow, position: number): (part: Part) => ReplacementChange {
  return (part) => {
    const { layer, head } = part;
    const { headDim = 0 } = facts.blocks[layer] ?? {};
    const outputs = head === undefined ? row.networkOutputs[layer] : row.headOutputs[layer];
    const data = head === undefined ? outputs : outputs?.subarray(head * headDim, (head + 1) * headDim);
    if (!data) throw new RangeError(`layer ${layer} gave no output`);
    return { ...replacing(part, { data, everywhere: true }), positions: [position] };
  };
}
