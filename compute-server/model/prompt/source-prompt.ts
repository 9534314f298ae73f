/**
 * The prompt of an encoder-decoder: a source, which the encoder reads, and a target, of which the decoder has a row for each token
 * behind the one that it starts with. Where no target is given the model writes it, greedily and unchanged.
 */
import { continued } from '../../../diagnostics/model-runner/decoding';
import type { Sequence, SourceRows } from '../../../diagnostics/model-runner/sequence';
import type { PromptInput } from '../../../protocol/inputs/prompt';
import { refusal } from '../../../protocol/wire/failures';
import { usableContext } from '../../../models/architectures/context';
import type { LoadedModel } from '../checkpoint/loaded-model';
import { SequenceRun } from '../generation/sequence-run';
import { chunkThatFits } from '../run/stream/budget';
import { encodedSource, type EncodingRun } from './source';
import type { Tokeniser } from '../text/tokeniser';

/** An encoder-decoder as it was opened. */
type EncoderDecoder = LoadedModel & Required<Pick<LoadedModel, 'source'>>;

export const isEncoderDecoder = (model: LoadedModel): model is EncoderDecoder => model.source !== undefined;

/** `source`: the ids of the source; without `run` they are counted and not encoded. */
export async function sourceSequence(
  model: EncoderDecoder,
  prompt: PromptInput,
  source: readonly number[],
  run: EncodingRun | undefined,
): Promise<Sequence> {
  const { vocabulary } = model.summary;
  const ids = model.spec.head.labels ? movedSource(model, prompt, source) : targetRows(model, prompt);
  const outside = ids.find((id) => id < 0 || id >= vocabulary);
  if (outside !== undefined) throw refusal(`Token id ${outside} is outside the vocabulary of ${vocabulary}.`);
  requireRoom('source', source.length, usableContext(model.source.spec));
  requireRoom('target', ids.length, usableContext(model.spec));
  return { ids, source: run ? await encoded(model, source, run) : { ids: source } };
}

async function encoded({ source }: EncoderDecoder, ids: readonly number[], run: EncodingRun): Promise<SourceRows> {
  return { ids, stream: await encodedSource(source, { ids }, run) };
}

function requireRoom(what: string, length: number, context: number | undefined): void {
  if (context === undefined || length <= context) return;
  throw refusal(
    `The ${what} has ${length} tokens and the model takes ${context} at most. Shorten it by ${length - context}.`,
  );
}

/** Rows of the decoder; those of ids are as they were given. */
function targetRows(model: EncoderDecoder, { target }: PromptInput): readonly number[] {
  const given = target !== undefined && target.length > 0 ? target : undefined;
  if (given !== undefined && typeof given !== 'string') return given;
  if (model.startId === undefined)
    throw refusal(
      'Neither config.json nor generation_config.json names a decoder_start_token_id, with which every target begins. Add it, or give the target as token ids.',
    );
  const start = [model.startId, ...(model.forcedId === undefined ? [] : [model.forcedId])];
  if (given === undefined) return start;
  if (!model.tokeniser.ok) throw refusal(model.tokeniser.why);
  const { lead, own } = targetIds(model.tokeniser.tokeniser, given);
  // A model that is made to begin with a token (its language) does so in place of what its tokenizer puts first.
  return model.forcedId === undefined ? [...start, ...lead, ...own] : [...start, ...own];
}

/** What the decoder of a classifier reads: the start token, then the source up to its end token, which is left out. */
function movedSource(
  { startId, description }: EncoderDecoder,
  { target }: PromptInput,
  source: readonly number[],
): readonly number[] {
  if (target !== undefined && target.length > 0)
    throw refusal('The decoder of a classifier reads the source again, so it takes no target. Leave the target out.');
  if (startId === undefined)
    throw refusal(
      'Neither config.json nor generation_config.json names a decoder_start_token_id. Add it to the config.',
    );
  const ends = description.tokenIds.find(({ key }) => key === 'eos_token_id')?.ids ?? [];
  const end = source.findLastIndex((id) => ends.includes(id));
  if (end < 0)
    throw refusal(
      `The label is read at the token that ends the text (${ends.join(', ') || 'the config names none'}), but the source does not have it. Put it at the end.`,
    );
  return [startId, ...source.slice(0, end)];
}

/** Without what the tokenizer puts at the end: a decoder that has read the end has nothing left to write. */
function targetIds(
  tokeniser: Tokeniser,
  text: string,
): { readonly lead: readonly number[]; readonly own: readonly number[] } {
  const [whole, own] = [tokeniser.encode(text), tokeniser.plain(text)];
  const first = whole.findIndex((_, at) => own.every((id, behind) => whole[at + behind] === id));
  return { lead: first > 0 ? whole.slice(0, first) : [], own };
}

/** Tokens that are written at most where no target is given. */
const mostWritten = 64;

/** The sequence with a target that the model wrote, up to the token at which it stops, which is no row. */
export async function withWrittenTarget(model: LoadedModel, sequence: Sequence, run: EncodingRun): Promise<Sequence> {
  const context = usableContext(model.spec) ?? Infinity;
  const most = Math.min(mostWritten, context - sequence.ids.length);
  if (most <= 0) return sequence;
  const chunk = chunkThatFits(
    model,
    { length: sequence.ids.length, batch: 1, keepCache: true, further: most, logits: 'last' },
    run.memoryLimit,
  );
  const { signal } = run;
  const going = await SequenceRun.start(model.spec, model.sessions, { ...sequence, chunk }, { signal });
  const ids: number[] = [];
  try {
    const greedy = { temperature: 0, topP: 1, seed: 0 };
    const request = { maxNewTokens: most, stopIds: model.stopIds, sampling: greedy };
    for await (const { id } of continued(going, request, signal ? { signal } : {})) ids.push(id);
  } finally {
    going.dispose();
  }
  const own = model.stopIds.includes(ids.at(-1) ?? -1) ? ids.slice(0, -1) : ids;
  return own.length === 0 ? sequence : { ...sequence, ids: [...sequence.ids, ...own], written: own.length };
}
