/**
 * How long pictures will take, measured before the run on the first of them: the encoder once, and one and two layers of the
 * text model, prompt and steps; the other layers are taken to cost what the second one added. A large model is not run whole.
 */
import type { CaptionTime, CaptionTimeRequest } from '../../protocol/compute/hallucination';
import type { Surroundings } from '../surroundings';
import type { LoadedModel } from './loaded-model';
import { visionOf } from './image-prompt';
import type { Sequence } from './sequence';
import { SequenceRun } from './sequence-run';
import { prepare } from './span-request';
import { encodePicture, preparePicture } from './vision-model';

/** Tokens that the pass without the picture runs at once (`divergence-run.ts`). */
const block = 8;

/** Seconds of the parts of a caption. */
interface Costs {
  /** The prompt, with the picture and without it. */
  readonly whole: number;
  readonly without: number;
  /** One token behind it. */
  readonly step: number;
  /** One of the tokens that run as a block. */
  readonly inBlock: number;
}

export async function captionTime(
  model: LoadedModel,
  request: CaptionTimeRequest,
  surroundings: Surroundings,
  signal: AbortSignal,
): Promise<CaptionTime> {
  const { prompt, image, maxNewTokens, reinforced, measured } = request;
  const one = {
    folder: model.folder,
    prompt: { ...prompt, image },
    removed: { kind: 'image' },
    distance: 'l2',
    outliers: 'paper',
    positions: 'contiguous',
  } as const;
  const { pair, chunk } = await prepare(model, one, maxNewTokens, surroundings, signal);
  const encode = await encoderSeconds(model, image, surroundings, signal);
  const layers = model.spec.blocks.length;
  const costs = async (count: number): Promise<Costs> => {
    const spec = { ...model.spec, blocks: model.spec.blocks.slice(0, count) };
    const start = async (sequence: Sequence): Promise<readonly [SequenceRun, number]> => {
      const started = performance.now();
      const run = await SequenceRun.start(spec, model.sessions, { ...sequence, chunk, observe: measured }, { signal });
      return [run, (performance.now() - started) / 1000];
    };
    // The first run opens the sessions: its time is not that of the others.
    await start(pair.without);
    const [, without] = await start(pair.without);
    const [run, whole] = await start(pair.whole);
    const id = pair.whole.ids.at(-1) ?? 0;
    const extend = async (count: number): Promise<number> => {
      const started = performance.now();
      await run.extend(Array<number>(count).fill(id), { observe: measured });
      return (performance.now() - started) / 1000;
    };
    await extend(1);
    return { whole, without, step: await extend(1), inBlock: (await extend(block)) / block };
  };
  const first = await costs(1);
  const second = layers === 1 ? first : await costs(2);
  const all = (of: keyof Costs): number => first[of] + (layers - 1) * Math.max(0, second[of] - first[of]);
  const [whole, without, step] = [all('whole'), all('without'), maxNewTokens * all('step')];
  const plain = measured ? whole + without + step + maxNewTokens * all('inBlock') : whole + step;
  // A reinforced text is written, and then followed by the plain model where its divergence is measured.
  const other = whole + without + step + (measured ? plain : 0);
  return { encodeSeconds: encode, textSeconds: plain + reinforced * other };
}

async function encoderSeconds(
  model: LoadedModel,
  image: string,
  { memoryLimit }: Surroundings,
  signal: AbortSignal,
): Promise<number> {
  const vision = visionOf(model);
  const started = performance.now();
  const { processed } = await preparePicture(model.folder, vision, image);
  await encodePicture(vision, processed, memoryLimit, signal);
  return (performance.now() - started) / 1000;
}
