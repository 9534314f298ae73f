/** `headscope inspect --serve`: what serving a model takes, and with `--measure` how far that is from what it takes here. */
import { dirname, resolve } from 'node:path';
import { stat } from 'node:fs/promises';
import type { ModelDescription } from '../../models/formats/model-description';
import { measuredDevice, type ServingDevice } from '../../models/formats/estimates/serving/devices';
import type { ServingRequest } from '../../models/formats/estimates/serving/request';
import {
  servingCost,
  type PhaseCost,
  type ServingCost,
  type ServingFigure,
} from '../../models/formats/estimates/serving/serving';
import type { MeasuredSeconds, ServingMeasurement } from '../../protocol/compute/serving';
import { heldWords } from '../../protocol/results/device-words';
import { bytesInWords } from '../../protocol/wire/words';
import { CommandError, exitCodes } from './exit-codes';
import { deviceFrom, requestFrom, type ServingOptions } from './serving-options';
import type { CommandSession } from './session';
import { textTable } from './table';

/** What `headscope inspect --serve --json` writes beside the other facts. */
export interface ServingReport extends ServingCost {
  readonly request: ServingRequest;
  readonly measured?: {
    readonly prefill: Compared;
    readonly decode: Compared;
  } & Pick<ServingMeasurement, 'rates' | 'device' | 'parts' | 'crossings'>;
}

/** Seconds; the ratio is of what was predicted to the fastest run, which other work on the machine disturbs least. */
interface Compared extends MeasuredSeconds {
  readonly predicted: number;
  readonly ratio: number;
}

const measuredTokens = 48;
const usualPrompt = 512;

export async function serving(
  path: string,
  model: ModelDescription,
  options: ServingOptions,
  session: CommandSession,
): Promise<ServingReport> {
  if (options.measure) return measuredServing(path, model, options, session);
  const device = await deviceFrom(options, session);
  const request = requestFrom(options, device, model);
  return { request, ...costOf(model, request) };
}

function costOf(model: ModelDescription, request: ServingRequest): ServingCost {
  const outcome = servingCost(model, request);
  if (!outcome.ok) throw new CommandError(exitCodes.failed, outcome.why);
  return outcome.cost;
}

/** As a plain run here does it: float32, one sequence, graphs that store every score. */
export function plainRequest(
  device: ServingDevice,
  { prompt, tokens }: Pick<ServingMeasurement, 'prompt' | 'tokens'>,
): ServingRequest {
  return {
    device,
    batch: 1,
    prompt,
    // The middle of the tokens that are timed.
    context: prompt + Math.floor(tokens / 2),
    weightBits: 32,
    cacheBits: 32,
    activationBits: 32,
    tensorParallel: 1,
    kernels: 'plain',
    latents: 'expanded',
  };
}

async function measuredServing(
  path: string,
  model: ModelDescription,
  options: ServingOptions,
  session: CommandSession,
): Promise<ServingReport> {
  const folder = (await stat(path)).isDirectory() ? resolve(path) : dirname(resolve(path));
  const prompt = options.prompt ?? Math.min(usualPrompt, model.parts[0]?.contextLength ?? usualPrompt);
  session.progress('Running the model, and measuring what this machine can reach …');
  const measurement = await session
    .compute({
      ...(options.device === undefined ? {} : { HEADSCOPE_DEVICE: options.device }),
      ...(options.deviceMemory === undefined ? {} : { HEADSCOPE_DEVICE_MEMORY: options.deviceMemory }),
    })
    .call('measureServing', [{ folder, prompt, tokens: measuredTokens }], { signal: session.signal });
  const { rates, device, parts, crossings } = measurement;
  // The bandwidth and peak beside the rates are for the roofline alone.
  const roof = { peakGflops: rates.products / 1e9, peakBandwidthGBs: rates.weightBytes / 1e9 };
  const request = plainRequest({ ...measuredDevice(device.name, roof), rates }, measurement);
  const cost = costOf(model, request);
  const compared = (predicted: number, measured: MeasuredSeconds): Compared => ({
    ...measured,
    predicted,
    ratio: predicted / measured.fastest,
  });
  return {
    request,
    ...cost,
    measured: {
      prefill: compared(cost.prefill.seconds, measurement.prefill),
      decode: compared(cost.decode.seconds, measurement.decode),
      ...{ rates, device },
      ...(parts ? { parts } : {}),
      ...(crossings ? { crossings } : {}),
    },
  };
}

const grouped = (value: number): string => Math.round(value).toLocaleString('en-US');
/** Three digits; large ones in full, since `toPrecision` would write a power of ten. */
const rounded = (value: number): string => (value >= 999.5 ? grouped(value) : value.toPrecision(3));
const milliseconds = (seconds: number): string => `${rounded(seconds * 1e3)} ms`;
const giga = (value: number): string => rounded(value / 1e9);
const gigabytes = (bytes: number): string => `${giga(bytes)} GB`;

export function servingText(report: ServingReport): string {
  const { request, figures, prefill, decode, measured, fits } = report;
  const { batch, prompt, context, tensorParallel, device } = request;
  const figure = ({ value, unit }: ServingFigure): string =>
    unit === 's' ? milliseconds(value) : unit === 'bytes' ? gigabytes(value) : `${grouped(value)} ${unit}`;
  const memory =
    device.memory === undefined ? '' : ` of ${gigabytes(device.memory)}${fits === false ? ', it does not fit' : ''}`;
  const head = textTable(
    [`served on ${tensorParallel > 1 ? `${tensorParallel} x ` : ''}${device.title}`, ''],
    [
      ['asked', `batch ${grouped(batch)}, prompt ${grouped(prompt)}, context ${grouped(context)}`],
      ['time to first token', figure(figures.timeToFirstToken)],
      ['time per token', figure(figures.timePerToken)],
      ['throughput', figure(figures.throughput)],
      ['memory', `${figure(figures.memory)}${memory}`],
      ['  weights', figure(figures.weights)],
      ['  cache', figure(figures.cache)],
      ...(device.memory === undefined ? [] : [['largest batch', figure(figures.largestBatch)]]),
    ],
  );
  const parts = (phase: PhaseCost): string[][] =>
    phase.parts.map(({ part, seconds, flops, bytes }) => {
      const own = phase.operators.filter((operator) => operator.part === part);
      const longest = own.reduce((a, b) => (a.seconds >= b.seconds ? a : b));
      return [
        part,
        milliseconds(seconds),
        `${Math.round((100 * seconds) / phase.seconds)} %`,
        giga(flops),
        giga(bytes),
        longest.bound,
      ];
    });
  const table = (title: string, phase: PhaseCost): string =>
    textTable([title, 'time', 'share', 'GFLOP', 'GB', 'bound by'], parts(phase), [1, 2, 3, 4]);
  const against =
    measured === undefined
      ? []
      : [
          textTable(
            [
              '',
              measured.parts ? 'predicted for the CPU alone' : 'predicted',
              'median',
              'fastest',
              'predicted / fastest',
            ],
            (['prefill', 'decode'] as const).map((phase) => {
              const { predicted, median, fastest, ratio } = measured[phase];
              return [phase, milliseconds(predicted), milliseconds(median), milliseconds(fastest), ratio.toFixed(2)];
            }),
            [1, 2, 3, 4],
          ),
          ...sharedText(measured),
        ];
  return [
    head,
    table('prompt', prefill),
    table('token', decode),
    ...against,
    report.assumptions.map((each) => `- ${each}`).join('\n'),
  ].join('\n\n');
}

/** Where several devices hold the model: the time of each, and what goes between them. */
function sharedText({ parts, crossings = [] }: NonNullable<ServingReport['measured']>): readonly string[] {
  if (!parts) return [];
  const share = (part: number, all: number): string => `${Math.round((100 * part) / all)} %`;
  const sum = (phase: 'prefill' | 'decode'): number => parts.reduce((all, part) => all + part[phase], 0);
  const times = textTable(
    ['part', 'holds', 'prompt', 'share', 'token', 'share'],
    parts.map((part) => [
      part.id,
      heldWords(part),
      milliseconds(part.prefill),
      share(part.prefill, sum('prefill')),
      milliseconds(part.decode),
      share(part.decode, sum('decode')),
    ]),
    [2, 3, 4, 5],
  );
  const between = textTable(
    ['crosses', 'before', 'in a prompt', 'in a token'],
    crossings.map(({ from, to, before, prefill, decode }) => [
      `${from} to ${to}`,
      before === 'head' ? 'the language head' : `layer ${before}`,
      bytesInWords(prefill),
      bytesInWords(decode),
    ]),
    [2, 3],
  );
  return [
    times,
    crossings.length > 0 ? between : 'Nothing crosses: all parts are in the memory of one device.',
    'The time of a part includes fetching what crosses to it. Rates are those of the CPU: the prediction is of the model on the CPU alone.',
  ];
}
