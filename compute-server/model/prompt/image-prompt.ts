/** A picture put into a prompt: which rows of the sequence stand for it, and what is in them. */
import type { ImageSpan } from '../../../protocol/schema/parts';
import { FailureError, refusal } from '../../../protocol/wire/failures';
import type { LoadedModel } from '../checkpoint/loaded-model';
import type { Sequence, Span } from '../../../diagnostics/model-runner/sequence';
import {
  cellsOf,
  encodePicture,
  preparePicture,
  type Features,
  type PreparedPicture,
  type VisionModel,
} from '../checkpoint/vision-model';

/** The vision encoder of a model that has one, or the refusal of a text model. */
export function visionOf(model: LoadedModel): VisionModel {
  if (!model.vision) {
    const { unread } = model.summary;
    throw refusal(
      unread
        ? `${unread} Leave the image out, or choose a model whose pictures are read.`
        : 'The model reads text only: its config has no vision part. Leave the image out, or choose a vision-language model.',
    );
  }
  return model.vision;
}

/** Ids that stand for the picture, in the order of their tokens. */
function pieceIds(model: LoadedModel, prepared: PreparedPicture, imageToken: number): readonly number[][] {
  return prepared.tokens.pieces.map((piece) => {
    if (piece.kind !== 'text') return [imageToken];
    if (!model.tokeniser.ok) {
      throw refusal(
        `The tiles of the image are separated by the text "${piece.text.trim()}", which cannot be turned into tokens: ${model.tokeniser.why}`,
      );
    }
    return [...model.tokeniser.tokeniser.plain(piece.text)];
  });
}

/** First image token of the ids. */
function firstImageToken(ids: readonly number[], imageToken: number, written: string): number {
  const at = ids.indexOf(imageToken);
  if (at >= 0) return at;
  throw refusal(
    `The prompt has no image token (${written}). Put its id ${imageToken} where the picture belongs, or give the prompt as text.`,
  );
}

/** Where the picture begins in the ids, and what is there: one image token, or all of them already. */
function placeOf(ids: readonly number[], filling: readonly number[], imageToken: number, written: string): Span {
  const at = firstImageToken(ids, imageToken, written);
  const count = ids.filter((id) => id === imageToken).length;
  if (count === 1) return { start: at, end: at + 1 };
  // The filling may begin with a separator.
  const start = at - filling.indexOf(imageToken);
  const whole = filling.every((id, i) => ids[start + i] === id);
  const wanted = filling.filter((id) => id === imageToken).length;
  if (whole && count === wanted) return { start, end: start + filling.length };
  throw refusal(
    `The prompt has ${count} image tokens, and an image takes the place of one (it then has ${wanted}). One image is read per prompt: keep one ${written}.`,
  );
}

/** How the image token is written in a prompt. */
export const writtenToken = ({ tokeniser }: LoadedModel, imageToken: number): string =>
  tokeniser.ok ? (tokeniser.tokeniser.pieces([imageToken])[0] ?? '<image>') : `id ${imageToken}`;

function imageTokenOf(model: LoadedModel): number {
  const { imageToken } = model.summary.vision ?? {};
  if (imageToken !== undefined) return imageToken;
  if (model.spec.embedding) {
    throw refusal('The model reads a text or a picture, and not both at once. Give one of them.');
  }
  throw refusal('The model is a vision encoder and reads no text. Give the image alone, without a prompt.');
}

/**
 * The ids of a prompt whatever picture comes into it, and where it stands. Refuses what no picture could change; how many
 * tokens a picture takes is known before it comes where the layout cuts no tiles.
 */
export function placedPrompt(
  model: LoadedModel,
  ids: readonly number[],
): { readonly ids: readonly number[]; readonly span: Span } {
  const vision = visionOf(model);
  const { processor, tower, connector, layout } = vision;
  if (!processor.ok) throw new FailureError({ code: 'model-unusable', folder: model.folder, detail: processor.why });
  const imageToken = imageTokenOf(model);
  const written = writtenToken(model, imageToken);
  const start = firstImageToken(ids, imageToken, written);
  if (layout.kind !== 'single') return { ids, span: { start, end: start + 1 } };
  const { leading, rows, columns } = cellsOf(tower, connector);
  const filling = Array<number>(leading + rows * columns).fill(imageToken);
  const place = placeOf(ids, filling, imageToken, written);
  const all = [...ids.slice(0, place.start), ...filling, ...ids.slice(place.end)];
  return { ids: all, span: { start: place.start, end: place.start + filling.length } };
}

/** The sequence with the picture in it. Without `encode` the rows of the picture hold no embeddings: for tokenising. */
export async function withPicture(
  model: LoadedModel,
  ids: readonly number[],
  path: string,
  run: { readonly memoryLimit: number; readonly signal?: AbortSignal | undefined } | undefined,
): Promise<Sequence> {
  const vision = visionOf(model);
  const imageToken = imageTokenOf(model);
  const prepared = await preparePicture(model.folder, vision, path, run?.memoryLimit);
  const perPiece = pieceIds(model, prepared, imageToken);
  const filling = perPiece.flat();
  const place = placeOf(ids, filling, imageToken, writtenToken(model, imageToken));
  const all = [...ids.slice(0, place.start), ...filling, ...ids.slice(place.end)];
  const rows: number[] = [];
  filling.forEach((id, i) => {
    if (id === imageToken) rows.push(place.start + i);
  });
  const image: ImageSpan = {
    name: prepared.name,
    path,
    sha256: prepared.picture.sha256,
    width: prepared.picture.width,
    height: prepared.picture.height,
    start: place.start,
    end: place.start + filling.length,
    tokens: rows.length,
    tiles: prepared.tokens.tiles,
  };
  const sequence: Sequence = {
    ids: all,
    groups: [{ name: 'image', positions: rows }],
    image,
    ...(model.multimodal?.bidirectionalPrompt ? { prefix: all.length } : {}),
  };
  if (!run) return sequence;
  const features = await featuresOf(model, vision, prepared, run);
  return { ...sequence, embeddings: { rows, data: rowsOf(prepared, features, model.spec.hiddenSize) } };
}

/** Features of the last picture: a run, its tiles and its continuation ask for the same one. */
const encoded = new WeakMap<LoadedModel, { readonly key: string; readonly features: Features }>();

async function featuresOf(
  model: LoadedModel,
  vision: VisionModel,
  prepared: PreparedPicture,
  run: { readonly memoryLimit: number; readonly signal?: AbortSignal | undefined },
): Promise<Features> {
  const known = encoded.get(model);
  if (known?.key === prepared.key) return known.features;
  const features = await encodePicture(vision, prepared.processed, run.memoryLimit, run.signal);
  encoded.set(model, { key: prepared.key, features });
  return features;
}

/** The sequence with its picture encoded from changed pixels: the numbers of each tile as the image processor made them, [3, height, width]. */
export async function withChangedPixels(
  model: LoadedModel,
  sequence: Sequence,
  change: (pixels: Float32Array) => Float32Array,
  { memoryLimit, signal }: { readonly memoryLimit: number; readonly signal?: AbortSignal | undefined },
): Promise<Sequence> {
  const { image, embeddings } = sequence;
  if (!image || !embeddings) throw new RangeError('there is no picture in the prompt');
  const vision = visionOf(model);
  const prepared = await preparePicture(model.folder, vision, image.path, memoryLimit);
  const features = await encodePicture(vision, { tiles: prepared.processed.tiles.map(change) }, memoryLimit, signal);
  return { ...sequence, embeddings: { ...embeddings, data: rowsOf(prepared, features, model.spec.hiddenSize) } };
}

function rowsOf({ tokens }: PreparedPicture, { tiles, newline }: Features, width: number): Float32Array {
  const pieces = tokens.pieces.filter(({ kind }) => kind !== 'text');
  const data = new Float32Array(pieces.length * width);
  pieces.forEach((piece, row) => {
    const source =
      piece.kind === 'cell' ? tiles[piece.tile]?.subarray(piece.cell * width, (piece.cell + 1) * width) : newline;
    if (source?.length !== width) throw new RangeError(`the encoder gave no row for image token ${row}`);
    data.set(source, row * width);
  });
  return data;
}
