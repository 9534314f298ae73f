/** From what a person gives (text, token ids, a picture) to a checked sequence of a model. */
import type { Tokenised } from '../../../protocol/compute/models';
import type { IdsRequest } from '../../../protocol/compute/request-parts';
import type { EncoderInput, PromptInput } from '../../../protocol/inputs/prompt';
import { unmarkable } from '../../../models/architectures/marked-tokens';
import { fewestTokens } from '../../../models/architectures/token-groups';
import { tileRegion } from '../../../models/images/token-layout';
import { readsBeyond, type Intervention } from '../../../protocol/interventions/interventions';
import type { ChatPrompt } from '../../../protocol/schema/parts';
import { FailureError, refusal } from '../../../protocol/wire/failures';
import type { EncodingRun } from './source';
import { isEncoderDecoder, sourceSequence } from './source-prompt';
import { placedPrompt, visionOf, withPicture, writtenToken } from './image-prompt';
import type { LoadedModel } from '../checkpoint/loaded-model';
import { offsetsOf } from '../text/offsets';
import { range } from '../run/graphs/runtime-arrays';
import { positionAt, type Sequence } from '../../../diagnostics/model-runner/sequence';
import { TextFault } from '../text/text-library';
import type { Tokeniser } from '../text/tokeniser';
import { cellsOf, patchRows, preparePicture } from '../checkpoint/vision-model';

/** The model whose rows the prompt gives: the vision encoder where it is an image alone. */
export function readerOf(model: LoadedModel, prompt: PromptInput | EncoderInput): LoadedModel {
  if (prompt.kind === 'image') {
    visionOf(model);
    return model.encoder ?? model;
  }
  if (!model.spec.embedding) {
    throw refusal('The model is a vision encoder and reads no text. Give the image alone, without a prompt.');
  }
  return model;
}

/** The sequence that `readerOf` reads; without `run` the rows of a picture or a source are counted and not filled, and nothing runs. */
export async function sequenceOf(
  model: LoadedModel,
  prompt: PromptInput | EncoderInput,
  run?: EncodingRun,
  /** The interventions of the run; some read beyond the context. */
  interventions: readonly Intervention[] = [],
): Promise<Sequence> {
  if (prompt.kind === 'image') return encoderSequence(model, prompt, run);
  // No encoder-decoder that runs reads pictures: one that is given is refused here.
  if (prompt.image !== undefined && isEncoderDecoder(model)) visionOf(model);
  const { ids, ...chat } = readPrompt(model, prompt);
  if (isEncoderDecoder(model)) return { ...(await sourceSequence(model, prompt, ids, run)), ...chat };
  if (prompt.target !== undefined) {
    throw refusal('The model is no encoder-decoder, so it has no target. Leave the target out.');
  }
  const sequence =
    prompt.image === undefined
      ? { ids, ...(model.multimodal?.bidirectionalPrompt ? { prefix: ids.length } : {}) }
      : await withPicture(model, ids, prompt.image, run);
  if (!readsBeyond(interventions, model.summary.contextLength)) requireRoom(model, sequence);
  return { ...sequence, ...chat };
}

async function encoderSequence(
  model: LoadedModel,
  { image, tile = 0 }: EncoderInput,
  run: EncodingRun | undefined,
): Promise<Sequence> {
  const vision = visionOf(model);
  const prepared = await preparePicture(model.folder, vision, image, run?.memoryLimit);
  const pixels = prepared.processed.tiles[tile];
  if (!pixels) {
    throw refusal(`The image has ${prepared.processed.tiles.length} tiles, from 0, and none numbered ${tile}.`);
  }
  const { leading, rows, columns } = vision.tower.patches;
  const sequence = run
    ? await patchRows(vision, pixels, run.signal)
    : { ids: range(0, leading.length + rows * columns) };
  const { coverage } = cellsOf(vision.tower, undefined);
  const { name, picture, processed } = prepared;
  const region = tileRegion(picture, processed, tile);
  const { width, height, sha256 } = picture;
  return {
    ...sequence,
    image: {
      name,
      path: image,
      sha256,
      width,
      height,
      start: leading.length,
      end: sequence.ids.length,
      tokens: rows * columns,
      tiles: [
        {
          ...region,
          width: region.width * coverage.width,
          height: region.height * coverage.height,
          rows,
          columns,
          first: 0,
          stride: columns,
        },
      ],
    },
  };
}

/** The ids of a prompt, and what became of its text in a chat template. */
interface ReadPrompt {
  readonly ids: readonly number[];
  readonly chatPrompt?: ChatPrompt;
}

function readPrompt(model: LoadedModel, prompt: PromptInput): ReadPrompt {
  readerOf(model, prompt);
  const read = prompt.kind === 'ids' ? { ids: prompt.ids } : encode(model, prompt);
  const { ids } = read;
  const { vocabulary } = model.summary;
  const imageToken = model.summary.vision?.imageToken;
  if (ids.length === 0) throw refusal('The prompt is empty. Give at least one token.');
  const fewest = fewestTokens(model.spec);
  if (ids.length < fewest)
    throw refusal(
      `The prompt has ${ids.length} ${ids.length === 1 ? 'token' : 'tokens'}, and the model joins neighbouring tokens of texts of ${fewest} tokens and more. Lengthen it.`,
    );
  const noPair = unmarkable(model.spec.marks, ids);
  if (noPair !== undefined) throw refusal(noPair);
  const outside = ids.find((id) => !Number.isInteger(id) || id < 0 || (id >= vocabulary && id !== imageToken));
  if (outside !== undefined) throw refusal(`Token id ${outside} is outside the vocabulary of ${vocabulary}.`);
  if (prompt.image === undefined && imageToken !== undefined && ids.includes(imageToken)) {
    throw refusal('The prompt has an image token and no image. Give the image, or leave the token out.');
  }
  return read;
}

/** Refuses a prompt into which no picture can be put, and says where one stands (`placedPrompt`). */
export function promptForPictures(
  model: LoadedModel,
  prompt: PromptInput,
): ReturnType<typeof placedPrompt> & Pick<ReadPrompt, 'chatPrompt'> {
  // The name of the picture has no part in its tokens.
  const { ids, ...chat } = readPrompt(model, { ...prompt, image: '' });
  const placed = placedPrompt(model, ids);
  requireRoom(model, placed);
  return { ...placed, ...chat };
}

function requireRoom(model: LoadedModel, sequence: Sequence): void {
  const { contextLength } = model.summary;
  const length = positionAt(sequence, sequence.ids.length - 1) + 1;
  if (contextLength === undefined || length <= contextLength) return;
  const ofImage = sequence.image ? ` (${sequence.image.tokens} of the image)` : '';
  throw refusal(
    `The prompt has ${length} tokens${ofImage} and the model's context holds ${contextLength}. Shorten it by ${length - contextLength}.`,
  );
}

/**
 * Text as it stands, or through the chat template where that is asked for, or where a picture comes with a text that has no
 * image token: the template says where pictures belong. Every prompt with text is read here.
 */
function encode(model: LoadedModel, prompt: Extract<PromptInput, { kind: 'text' }>): ReadPrompt {
  if (!model.tokeniser.ok) {
    throw new FailureError({ code: 'model-unusable', folder: model.folder, detail: model.tokeniser.why });
  }
  const { tokeniser } = model.tokeniser;
  if (prompt.chat) {
    if (!tokeniser.hasChatTemplate) throw refusal('The model has no chat template. Send the text as it is.');
    return throughChat(model, tokeniser, prompt, 'asked');
  }
  const imageToken = model.summary.vision?.imageToken;
  const ids = turned(model, { what: 'tokenizer', next: 'Change the text, or give token ids instead' }, () =>
    model.multimodal?.bidirectionalPrompt && imageToken !== undefined
      ? imageFirst(tokeniser, prompt, imageToken)
      : tokeniser.encode(prompt.text),
  );
  if (prompt.image === undefined || imageToken === undefined || ids.includes(imageToken)) return { ids };
  if (tokeniser.hasChatTemplate) return throughChat(model, tokeniser, prompt, 'no-image-token');
  throw refusal(
    `The prompt has no image token, and the model has no chat template that would place one. Write ${writtenToken(model, imageToken)} where the picture belongs.`,
  );
}

function throughChat(
  model: LoadedModel,
  tokeniser: Tokeniser,
  prompt: Extract<PromptInput, { kind: 'text' }>,
  why: ChatPrompt['why'],
): ReadPrompt {
  const imageToken = model.summary.vision?.imageToken;
  const place =
    imageToken === undefined ? undefined : `Write ${writtenToken(model, imageToken)} where the picture belongs`;
  const next = why === 'asked' || place === undefined ? 'Send the text as it is' : place;
  const { text, ids } = turned(model, { what: 'chat template', next }, () => {
    const written = tokeniser.chat(contentOf(model, prompt));
    // A processor of pictures and text tokenizes what the template wrote like any text, so that the tokenizer adds its special tokens,
    // unless the template wrote the first of them (ProcessorMixin.apply_chat_template of transformers). A tokenizer alone adds none.
    const complete = prompt.image === undefined || (tokeniser.bos !== '' && written.text.startsWith(tokeniser.bos));
    return complete ? written : { ...written, ids: tokeniser.encode(written.text) };
  });
  if (prompt.image !== undefined && imageToken !== undefined && !ids.includes(imageToken)) {
    throw refusal(`The chat template of the model places no image token. ${place}, without the template.`);
  }
  return { ids, chatPrompt: { text, why } };
}

/** What the folder's own files make of a text; their failure as a sentence that names which it was. */
function turned<T>(
  model: LoadedModel,
  { what, next }: { readonly what: string; readonly next: string },
  act: () => T,
): T {
  try {
    return act();
  } catch (error) {
    if (!(error instanceof TextFault)) throw error;
    const why = error.message;
    const detail = `Its ${what} could not turn the text into tokens: ${why.replace(/\.?$/, '.')} ${next}.`;
    throw new FailureError({ code: 'model-unusable', folder: model.folder, detail });
  }
}

/** Ids of a text that a person gave; what the tokenizer cannot do with it is said with the advice to change the text. */
export function idsOfText(model: LoadedModel, act: (tokeniser: Tokeniser) => readonly number[]): readonly number[] {
  const { tokeniser, folder } = model;
  if (!tokeniser.ok) throw new FailureError({ code: 'model-unusable', folder, detail: tokeniser.why });
  return turned(model, { what: 'tokenizer', next: 'Change the text' }, () => act(tokeniser.tokeniser));
}

/** Templates of vision-language models read a list of parts. */
function contentOf(model: LoadedModel, { text, image }: Extract<PromptInput, { kind: 'text' }>) {
  if (!model.multimodal && model.summary.unread === undefined) return text;
  return [...(image === undefined ? [] : [{ type: 'image' } as const]), { type: 'text', text } as const];
}

/** PaliGemma's processor: image tokens, the beginning-of-sequence token, the text, a newline (PaliGemmaProcessor). */
function imageFirst(
  tokeniser: Tokeniser,
  { text, image }: Extract<PromptInput, { kind: 'text' }>,
  imageToken: number,
): readonly number[] {
  const [written = ''] = tokeniser.pieces([imageToken]);
  const parts = written === '' ? [text] : text.split(written);
  const behind = parts.at(-1) ?? '';
  const front = parts.slice(0, -1).flatMap((part) => [...tokeniser.plain(part), imageToken]);
  const images = front.length === 0 && image !== undefined ? [imageToken] : front;
  return [...images, ...tokeniser.plain(`${tokeniser.bos}${behind}\n`)];
}

export const piecesOf = (model: LoadedModel, ids: readonly number[]): readonly string[] => {
  if (!model.spec.embedding && model.vision) return patchNames(model.vision.tower.patches, ids.length);
  return model.tokeniser.ok ? model.tokeniser.tokeniser.pieces(ids) : ids.map((id) => `#${id}`);
};

/** `[row, column]` of each patch, from 0; `[class]`, `[1]` for the rows before them. */
function patchNames(
  { leading, columns }: { readonly leading: readonly unknown[]; readonly columns: number },
  rows: number,
): readonly string[] {
  return Array.from({ length: rows }, (_, row) => {
    const patch = row - leading.length;
    if (patch < 0) return row === 0 ? '[class]' : `[${row}]`;
    return `[${Math.floor(patch / columns)}, ${patch % columns}]`;
  });
}

export const textOf = (model: LoadedModel, ids: readonly number[]): string =>
  model.tokeniser.ok ? model.tokeniser.tokeniser.decode(ids) : ids.map((id) => `#${id}`).join(' ');

export async function tokenise(model: LoadedModel, prompt: PromptInput | EncoderInput): Promise<Tokenised> {
  const { ids, source, image, chatPrompt } = await sequenceOf(model, prompt);
  const tokens = piecesOf(readerOf(model, prompt), ids);
  const read = source && { ids: source.ids, tokens: piecesOf(model, source.ids) };
  const common = { ids, tokens, ...(read ? { source: read } : {}), ...(chatPrompt ? { chatPrompt } : {}) };
  if (image) return { ...common, image };
  if (prompt.kind !== 'text' || prompt.chat) return common;
  return { ...common, offsets: offsetsOf(prompt.text, read?.tokens ?? tokens) };
}

/** What a request by ids reads: the text, or a tile of the picture through the encoder. */
export function promptOfIds({ ids, source, image, encoderTile }: IdsRequest): PromptInput | EncoderInput {
  if (source !== undefined) return { kind: 'ids', ids: source, target: ids };
  if (encoderTile === undefined) return { kind: 'ids', ids, ...(image === undefined ? {} : { image }) };
  if (image === undefined) {
    throw refusal('encoderTile names a tile of an image, and there is no image');
  }
  return { kind: 'image', image, tile: encoderTile };
}
