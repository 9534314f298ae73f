/**
 * How long pictures will take, measured before the run on the first of them: the encoder, then prompt and steps of the text
 * model. A large model is not run whole: the layers behind its second one are taken to cost what that one added.
 */
import { spanPair } from '../../diagnostics/shared/divergence/span-pair';
import type { CaptionTimeRequest } from '../../protocol/compute/model-requests';
import type { CaptionTime } from '../../protocol/compute/models';
import type { Surroundings } from '../surroundings';
import type { LoadedModel } from '../model/checkpoint/loaded-model';
import { visionOf } from '../model/prompt/image-prompt';
import type { Sequence } from '../../diagnostics/model-runner/sequence';
import { SequenceRun } from '../model/generation/sequence-run';
import { ServerRunner } from '../runner/runner';
import { chunkFor, requireCaptions } from '../model/interventions/span-request';
import { encodePicture, preparePicture } from '../model/checkpoint/vision-model';

/** Tokens that the pass without the picture runs at once (`divergence-run.ts`). */
const block = 8;

/** Text models whose prompt takes no longer by their first layer are run whole: differences of so little are noise. */
const wholeSeconds = 2;
/** The shortest of so many: whatever else the machine does makes them longer. */
const repeats = 3;

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
  requireCaptions(model, prompt);
  const sequence = await new ServerRunner(model, model, surroundings, signal).prompt({ ...prompt, image });
  const pair = spanPair(sequence, { kind: 'image' }, 'contiguous');
  const chunk = chunkFor(model, sequence, maxNewTokens, surroundings.memoryLimit);
  const encode = await encoderSeconds(model, image, surroundings, signal);
  const layers = model.spec.blocks.length;
  const costs = async (count: number): Promise<Costs> => {
    const spec = { ...model.spec, blocks: model.spec.blocks.slice(0, count) };
    const start = (sequence: Sequence): Promise<SequenceRun> =>
      SequenceRun.start(spec, model.sessions, { ...sequence, chunk, observe: measured }, { signal });
    // The first run opens the sessions: its time is not that of the others.
    const run = await start(pair.whole);
    const id = pair.whole.ids.at(-1) ?? 0;
    const extend = (tokens: number) => run.extend(Array<number>(tokens).fill(id), { observe: measured });
    return {
      whole: await shortest(() => start(pair.whole)),
      without: await shortest(() => start(pair.without)),
      step: await shortest(() => extend(1)),
      inBlock: (await shortest(() => extend(block))) / block,
    };
  };
  const first = await costs(1);
  const far = layers * first.whole < wholeSeconds ? layers : Math.min(2, layers);
  const last = far === 1 ? first : await costs(far);
  const all = (of: keyof Costs): number =>
    far === layers ? last[of] : first[of] + (layers - 1) * Math.max(0, last[of] - first[of]);
  const [whole, without, step] = [all('whole'), all('without'), maxNewTokens * all('step')];
  const plain = measured ? whole + without + step + maxNewTokens * all('inBlock') : whole + step;
  // A reinforced text is written, and then followed by the plain model where its divergence is measured.
  const other = whole + without + step + (measured ? plain : 0);
  return { encodeSeconds: encode, textSeconds: plain + reinforced * other };
}

async function shortest(act: () => Promise<unknown>): Promise<number> {
  let least = Infinity;
  for (let at = 0; at < repeats; at++) {
    const started = performance.now();
    await act();
    least = Math.min(least, (performance.now() - started) / 1000);
  }
  return least;
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
