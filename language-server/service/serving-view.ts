/** What serving a model takes, for a question of the Model panel. */
import {
  arithmeticOf,
  measuredDevice,
  publishedDevices,
  type ServingDevice,
} from '../../models/formats/estimates/serving/devices';
import { usualRequest, type CacheBits, type WeightBits } from '../../models/formats/estimates/serving/request';
import { servingCost } from '../../models/formats/estimates/serving/serving';
import type { ModelDescription } from '../../models/formats/model-description';
import type { MeasuredMachine, ServingAnswer, ServingBits, ServingQuestion } from '../../protocol/language/serving';

/** Numbers come from a webview: whole, and no larger than what a device could ever be asked. */
const whole = (value: number, most: number): number =>
  Number.isFinite(value) ? Math.min(most, Math.max(1, Math.round(value))) : 1;

const bitsOf = (bits: ServingBits): WeightBits & CacheBits => ({ stored: 'stored', 16: 16, 8: 8, 4: 4 } as const)[bits];

export function servingAnswer(
  model: ModelDescription,
  question: ServingQuestion,
  machine?: MeasuredMachine,
): ServingAnswer {
  const known: readonly ServingDevice[] = [
    ...publishedDevices,
    ...(machine === undefined ? [] : [measuredDevice(machine.title, machine, machine.memory)]),
  ];
  const devices = known.map(({ id, title }) => ({ id, title: id === 'measured' ? `This machine: ${title}` : title }));
  const device = known.find(({ id }) => id === question.device);
  if (device === undefined) {
    const why =
      question.device === 'measured'
        ? 'This machine has not been measured yet. Measure it with "Headscope: Devices…" and Test Again, or choose another device.'
        : 'This device is not known here. Choose another one.';
    return { devices, cost: why };
  }
  const usual = usualRequest(device);
  const context = whole(question.context, 2 ** 24);
  const outcome = servingCost(model, {
    ...usual,
    batch: whole(question.batch, 2 ** 20),
    prompt: context,
    context,
    weightBits: bitsOf(question.weightBits),
    cacheBits: bitsOf(question.cacheBits),
    tensorParallel: whole(question.tensorParallel, 1024),
  });
  const { title, bandwidth, memory, link, source } = device;
  return {
    devices,
    device: {
      title,
      peak: arithmeticOf(device, 16).rate,
      bandwidth,
      ...(memory === undefined ? {} : { memory }),
      ...(link === undefined ? {} : { link }),
      source,
    },
    cost: outcome.ok ? outcome.cost : outcome.why,
  };
}
