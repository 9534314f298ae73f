/** What a path ends in: an input of a head, the input of an MLP, or the logits. */
import { refusal } from '../../../protocol/wire/failures';
import type { ModelFacts } from '../../model-runner/model-runner';

export const headInputs = ['query', 'key', 'value'] as const;
export type HeadInput = (typeof headInputs)[number];

export type Receiver =
  | { readonly input: HeadInput; readonly layer: number; readonly head: number }
  | { readonly input: 'mlp'; readonly layer: number }
  | { readonly input: 'logits' };

const inputOf: Readonly<Record<string, HeadInput>> = { q: 'query', k: 'key', v: 'value' };

/** As in a list that a person writes: `logits`, `5.1.q`, `5.mlp`. */
export const receiverText = (receiver: Receiver): string =>
  receiver.input === 'logits'
    ? 'logits'
    : receiver.input === 'mlp'
      ? `${receiver.layer}.mlp`
      : `${receiver.layer}.${receiver.head}.${receiver.input[0] ?? ''}`;

export const receiverName = (receiver: Receiver): string =>
  receiver.input === 'logits'
    ? 'the logits'
    : receiver.input === 'mlp'
      ? `the MLP of layer ${receiver.layer}`
      : `the ${receiver.input} of L${receiver.layer}H${receiver.head}`;

/** Fails with a sentence: what is no receiver, or is not in the model. */
export function receiversOf(text: string, blocks: ModelFacts['blocks']): readonly Receiver[] {
  const names = text
    .split(/[,;\s]+/u)
    .filter((name) => name !== '')
    .slice(0, 4096);
  if (names.length === 0) throw refusal('No receiver is named. Give `logits`, or inputs of heads such as 5.1.q.');
  const receivers = names.map((name) => receiverOf(name, blocks));
  if (receivers.length > 1 && receivers.some(({ input }) => input === 'logits')) {
    throw refusal(
      'The logits come behind all other receivers, which so would change nothing. Name the logits alone, or inputs of heads.',
    );
  }
  return receivers;
}

function receiverOf(name: string, blocks: ModelFacts['blocks']): Receiver {
  if (name === 'logits') return { input: 'logits' };
  const [, layerText, headText, letter = ''] = /^L?(\d+)(?:[.H](\d+)\.([qkv])|\.mlp)$/iu.exec(name) ?? [];
  if (layerText === undefined) {
    throw refusal(
      `"${name.slice(0, 60)}" is no receiver. Give \`logits\`, a query, key or value such as 5.1.q, or 5.mlp.`,
    );
  }
  const layer = Number(layerText);
  const block = blocks[layer];
  if (!block) throw refusal(`There is no layer ${layerText}: the model has ${blocks.length}, from 0.`);
  if (headText === undefined) return { input: 'mlp', layer };
  const head = Number(headText);
  if (block.heads === 0 && block.state)
    throw refusal(
      `Layer ${layerText} has a recurrence and no attention, so its heads have no query, key or value. Name heads of layers that have attention, or ${layerText}.mlp.`,
    );
  if (head >= block.heads)
    throw refusal(`There is no head ${headText} in layer ${layerText}: it has ${block.heads}, from 0.`);
  return { input: inputOf[letter.toLowerCase()] ?? 'query', layer, head };
}

/** Where the receiver's values stand: under grouped-query attention key and value belong to a key/value head. */
export function slotOf(
  receiver: Exclude<Receiver, { readonly input: 'logits' }>,
  blocks: ModelFacts['blocks'],
): number {
  if (receiver.input === 'mlp') return 0;
  if (receiver.input === 'query') return receiver.head;
  const { heads = 1, kvHeads = 1 } = blocks[receiver.layer] ?? {};
  return Math.floor(receiver.head / (heads / kvHeads));
}
