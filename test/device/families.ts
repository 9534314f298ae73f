/** Every family of models on a device against the cpu, by the compute server as it is shipped: whether it is right, and times. */
import { tinyModels, writeTinyModel } from '../support/checkpoints/tiny-models';
import { writeVisionTokenizer } from '../support/checkpoints/tokenizers';
import {
  squareProcessor,
  tinyPixels,
  tinyTower,
  tinyVlms,
  writePng,
  writeProcessor,
} from '../support/checkpoints/tiny-vision';
import { headsOn } from '../support/heads-call';
import { vhdOn } from '../support/vhd-call';
import type { ComputeClient } from '../../protocol/compute/client';
import type { EncoderInput, PromptInput } from '../../protocol/inputs/prompt';
import type { Removed } from '../../protocol/interventions/reinforcement';
import { encoderOnBoth, pictureOnBoth, textOnBoth, type Apart, type Servers } from '../support/device/on-both';
import type { Place } from '../process/model/support/model-server';
import { textTable } from '../../compute-server/cli/table';
import { beside, median, wordsOf } from './words';

const ids = [3, 17, 5, 9, 17, 5, 41, 8, 22];
/** As in test/process/device/webgpu.test.ts; where products have shorter mantissas the parity's own tolerance bounds the logits. */
const rounding = 1e-4;
const rounds = 3;
/** Tokens behind the first, which prefill gives. */
const generated = 8;

/** Vision encoders that stand alone; the positions of the last are resized to another size of image. */
const encoders = [
  { type: 'siglip_vision_model', architecture: 'SiglipVisionModel', processor: 'SiglipImageProcessor' },
  { type: 'vit', architecture: 'ViTModel', processor: 'ViTImageProcessor' },
  { type: 'dinov2', architecture: 'Dinov2Model', processor: 'ViTImageProcessor', trained: 20 },
].map((each) => ({ trained: 12, size: 12, ...each }));

interface Row {
  readonly cells: readonly string[];
  readonly right: boolean;
  readonly onCpu: readonly string[];
}

type Act = (client: ComputeClient) => Promise<unknown>;

interface Both {
  readonly there: readonly number[];
  readonly here: readonly number[];
}

/** Milliseconds of calls in turns, by round; the first round opens the model and is left out. */
async function timed({ cpu, device }: Servers, act: Act): Promise<Both> {
  const once = async (client: ComputeClient): Promise<number> => {
    const from = performance.now();
    await act(client);
    return performance.now() - from;
  };
  const [there, here]: [number[], number[]] = [[], []];
  for (let round = 0; round <= rounds; round++) {
    const [a, b] = [await once(device), await once(cpu)];
    if (round === 0) continue;
    there.push(a);
    here.push(b);
  }
  return { there, here };
}

const cell = ({ there, here }: Both): string => beside(median(there), median(here));

interface Asked {
  readonly folder: string;
  readonly prompt: PromptInput | EncoderInput;
  readonly removed: Removed;
  /** False: it writes no text. */
  readonly causal: boolean;
}

const none = 'none';

/** Prefill: the next token of the prompt. Decode: a further token. Statistics: of all heads. VHD: of the first step. */
async function timesOf(servers: Servers, { folder, prompt, removed, causal }: Asked): Promise<string[]> {
  const request = { folder, prompt, interventions: [], seed: 1 };
  const heads = await timed(servers, (client) =>
    headsOn(client, { ...request, classify: false, causal: false, thumbnails: false }),
  );
  if (!causal || prompt.kind === 'image') return [none, none, cell(heads), none];
  const text =
    (maxNewTokens: number): Act =>
    (client) =>
      client.call('generate', [{ ...request, prompt, maxNewTokens, temperature: 0, topP: 1, statistics: false }]);
  const first = await timed(servers, text(1));
  const all = await timed(servers, text(1 + generated));
  const vhd = await timed(servers, (client) => vhdOn(client, { folder, prompt, removed, parameters: { tokens: 1 } }));
  const further = (whole: readonly number[], one: readonly number[]): number =>
    (Math.min(...whole) - Math.min(...one)) / generated;
  const [there, here] = [further(all.there, first.there), further(all.here, first.here)];
  const decode = there > 0 && here > 0 ? beside(there, here) : 'too short to time';
  return [cell(first), decode, cell(heads), cell(vhd)];
}

async function rowOf(name: string, ask: () => Promise<Apart>, times: () => Promise<readonly string[]>): Promise<Row> {
  try {
    const { device, parity, errors } = await ask();
    const bound = Math.max(rounding, parity.tolerance ?? 0);
    const right = Object.values(errors).every((error) => error <= bound);
    const [worst = ['', 0]] = Object.entries(errors).sort(([, a], [, b]) => b - a);
    const said = right ? worst[1].toExponential(1) : `WRONG: ${worst[0]} differs by ${worst[1].toExponential(1)}`;
    const cells = [name, parity.maxLogitError.toExponential(1), said, ...(await times())];
    return { cells, right, onCpu: device.onCpu ?? [] };
  } catch (error) {
    return { cells: [name, 'FAILED', wordsOf(error), '', '', '', ''], right: false, onCpu: [] };
  }
}

/** Prints the table; whether every family gives what it gives on the cpu. */
export async function families(servers: Servers, place: Place): Promise<boolean> {
  const rows: Row[] = [];
  const text = (name: string, folder: string, causal: boolean): Promise<Row> =>
    rowOf(
      name,
      () => textOnBoth(servers, folder, ids),
      () =>
        timesOf(servers, { folder, causal, prompt: { kind: 'ids', ids }, removed: { kind: 'span', start: 2, end: 5 } }),
    );
  for (const [at, tiny] of tinyModels.entries()) {
    const folder = place.at(`text-${at}`);
    writeTinyModel(folder, tiny);
    rows.push(await text(tiny.name, folder, tiny.config['model_type'] !== 'bert'));
  }
  for (const type of ['BF16', 'F16'] as const) {
    const folder = place.at(type);
    const [tiny] = tinyModels;
    if (!tiny) throw new Error('there are no tiny models');
    writeTinyModel(folder, tiny, type);
    rows.push(await text(`${tiny.name}, ${type}`, folder, true));
  }
  const image = writePng(place.at('a.png'), tinyPixels(20, 14));
  for (const [at, tiny] of tinyVlms.entries()) {
    const folder = place.at(`picture-${at}`);
    writeTinyModel(folder, tiny);
    writeProcessor(folder, tiny);
    writeVisionTokenizer(folder);
    const all = [...ids, tiny.imageToken, 11];
    rows.push(
      await rowOf(
        tiny.name,
        () => pictureOnBoth(servers, folder, image, all),
        () =>
          timesOf(servers, {
            ...{ folder, causal: true, removed: { kind: 'image' } },
            prompt: { kind: 'ids', ids: all, image },
          }),
      ),
    );
  }
  for (const { type, architecture, processor, trained, size } of encoders) {
    const folder = place.at(type);
    const { config, shapes } = tinyTower(type, trained);
    writeTinyModel(folder, { config: { ...config, architectures: [architecture] }, shapes });
    writeProcessor(folder, { processor: squareProcessor(processor, size) });
    rows.push(
      await rowOf(
        type,
        () => encoderOnBoth(servers, folder, image),
        () => timesOf(servers, { folder, causal: false, prompt: { kind: 'image', image }, removed: { kind: 'image' } }),
      ),
    );
  }
  console.log(
    textTable(
      ['family', 'parity', 'largest difference', 'prefill', 'decode', 'statistics', 'VHD'],
      rows.map(({ cells }) => cells),
    ),
  );
  for (const sentence of new Set(rows.flatMap(({ onCpu }) => onCpu))) console.log(sentence);
  const right = rows.filter((row) => row.right).length;
  console.log(`${right} of ${rows.length} as on the cpu\n`);
  return right === rows.length;
}
