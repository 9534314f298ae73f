/**
 * `npm run test:device -- webgpu`: every family of models on a device against the cpu, by the compute server as it is shipped,
 * and what ran. The device is one of `headscope devices`; where it is not there the run says so and has checked nothing.
 */
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
import { encoderOnBoth, pictureOnBoth, textOnBoth, type Apart, type Servers } from '../support/device/on-both';
import { buildServer, Place } from '../process/model/support/model-server';
import { FailureError } from '../../protocol/wire/failures';
import { sentenceOf } from '../../protocol/wire/words';

const ids = [3, 17, 5, 9, 17, 5, 41, 8, 22];
/** As in test/process/device/webgpu.test.ts; where products have shorter mantissas the parity's own tolerance bounds the logits. */
const rounding = 1e-4;

const words = (error: unknown): string =>
  error instanceof FailureError ? sentenceOf(error.failure) : error instanceof Error ? error.message : String(error);

/** Vision encoders that stand alone; the positions of the last are resized to another size of image. */
const encoders = [
  { type: 'siglip_vision_model', architecture: 'SiglipVisionModel', processor: 'SiglipImageProcessor' },
  { type: 'vit', architecture: 'ViTModel', processor: 'ViTImageProcessor' },
  { type: 'dinov2', architecture: 'Dinov2Model', processor: 'ViTImageProcessor', trained: 20 },
].map((each) => ({ trained: 12, size: 12, ...each }));

/** Whether all is right. */
async function report(name: string, ask: () => Promise<Apart>): Promise<boolean> {
  const from = performance.now();
  try {
    const { device, parity, errors } = await ask();
    const bound = Math.max(rounding, parity.tolerance ?? 0);
    const wrong = Object.entries(errors).filter(([, error]) => !(error <= bound));
    const figures = Object.entries(errors).map(([what, error]) => `${what} ${error.toExponential(1)}`);
    const seconds = ((performance.now() - from) / 1000).toFixed(1);
    console.log(
      `${wrong.length === 0 ? 'ran  ' : 'WRONG'}  ${name.padEnd(44)} parity ${parity.maxLogitError.toExponential(1)} (up to ${parity.tolerance?.toExponential(1) ?? '?'}); ${figures.join(', ')}; ${seconds} s`,
    );
    for (const sentence of device.onCpu ?? []) console.log(`       ${sentence}`);
    return wrong.length === 0;
  } catch (error) {
    console.log(`FAILED ${name}: ${words(error)}`);
    return false;
  }
}

async function main(): Promise<void> {
  const id = process.argv[2] ?? 'webgpu';
  await buildServer();
  const place = new Place();
  try {
    const devices = await place.client().call('devices', [{ roof: false }]);
    const found = devices.find((device) => device.id === id);
    if (!found)
      throw new Error(`There is no device "${id}": choose from ${devices.map((each) => each.id).join(', ')}.`);
    if (!found.available) {
      console.log(`not run: ${found.reason ?? `${id} does not work here.`}`);
      return;
    }
    console.log(`${found.name} (${id}), against the cpu; largest differences`);
    const servers: Servers = { cpu: place.client(), device: place.client({}, { HEADSCOPE_DEVICE: id }) };
    const results: boolean[] = [];
    for (const [at, tiny] of tinyModels.entries()) {
      const folder = place.at(`text-${at}`);
      writeTinyModel(folder, tiny);
      results.push(await report(tiny.name, () => textOnBoth(servers, folder, ids)));
    }
    for (const type of ['BF16', 'F16'] as const) {
      const folder = place.at(type);
      const [tiny] = tinyModels;
      if (!tiny) throw new Error('there are no tiny models');
      writeTinyModel(folder, tiny, type);
      results.push(await report(`${tiny.name}, ${type}`, () => textOnBoth(servers, folder, ids)));
    }
    const picture = writePng(place.at('a.png'), tinyPixels(20, 14));
    for (const [at, tiny] of tinyVlms.entries()) {
      const folder = place.at(`picture-${at}`);
      writeTinyModel(folder, tiny);
      writeProcessor(folder, tiny);
      writeVisionTokenizer(folder);
      results.push(
        await report(tiny.name, () => pictureOnBoth(servers, folder, picture, [...ids, tiny.imageToken, 11])),
      );
    }
    for (const { type, architecture, processor, trained, size } of encoders) {
      const folder = place.at(type);
      const { config, shapes } = tinyTower(type, trained);
      writeTinyModel(folder, { config: { ...config, architectures: [architecture] }, shapes });
      writeProcessor(folder, { processor: squareProcessor(processor, size) });
      results.push(await report(type, () => encoderOnBoth(servers, folder, picture)));
    }
    const right = results.filter(Boolean).length;
    console.log(`${right} of ${results.length} as on the cpu`);
    if (right < results.length) process.exitCode = 1;
  } finally {
    place.remove();
  }
}

main().catch((error: unknown) => {
  console.error(words(error));
  process.exitCode = 1;
});
