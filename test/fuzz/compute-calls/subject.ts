/**
 * Calls to the compute server, sound and broken ones, through its own dispatch to its own methods: each is answered once, by
 * a result or a failure that has words. What runs long is cancelled, as a person does, and has to answer that.
 */
import { analysisMethods } from '../../../compute-server/analyses/methods';
import { analyses, experiments } from '../../support/analyses/catalogue';
import { join } from 'node:path';
import type { ComputeMethod, FromCompute } from '../../../protocol/compute/api';
import { sentenceOf } from '../../../protocol/wire/words';
import { captureCalls } from '../../../compute-server/captures/capture-calls';
import { Dispatcher } from '../../../compute-server/dispatch/dispatcher';
import { Lane } from '../../../compute-server/dispatch/lane';
import { kernelMethods } from '../../../compute-server/kernel-methods';
import { kernelFileMethods } from '../../../compute-server/kernel-laws/methods';
import { moduleMethods } from '../../../compute-server/modules/methods';
import { headMethods } from '../../../compute-server/heads/methods';
import { modelMethods } from '../../../compute-server/model-calls/methods';
import { modelCalls } from '../../../compute-server/model-calls/model-calls';
import type { Surroundings } from '../../../compute-server/surroundings';
import { mutateTree, Random } from '../../support/fuzz/random';
import type { Outcome, Subject } from '../../support/fuzz/subject';
import { bundledServer, bundleServer } from '../../process/compute/support/bundle';
import { validCalls } from './valid';

/** What runs longer is cancelled. */
const patienceMs = 400;
const memoryLimit = 400e6;
/** Its own: other tiers run beside this one. */
const bundle = 'test-fuzz';

const methods = Object.keys(validCalls) as ComputeMethod[];

/** Its process is a bundle beside that of the server, which calls from the source do not find; analysis-files.test.ts calls it. */
const bundled: readonly ComputeMethod[] = ['analysisOfFile', 'taskOfFile'];

/** They measure for as long as they are told to: a person cancels them, and so does this. */
const measuring: readonly ComputeMethod[] = ['roof', 'benchmark', 'distributed', 'measureServing'];

interface Input {
  readonly message: unknown;
  /** It is as a caller of this version writes it, so it is answered. */
  readonly sound: boolean;
}

let sendTo: ((message: FromCompute) => void) | undefined;
let dispatcher: Dispatcher | undefined;

function serverIn(folder: string): Dispatcher {
  const surroundings: Surroundings = {
    entry: bundledServer(bundle).serverScript,
    cacheFolder: join(folder, 'cache'),
    memoryLimit,
    defaultThreads: 1,
    modelDevice: 'cpu',
    modelWeights: 'as-stored',
    keptWeightBytes: 0,
    log: () => {},
  };
  const lane = new Lane();
  const models = modelCalls(surroundings, lane);
  const captures = captureCalls(surroundings, lane);
  return new Dispatcher(
    {
      ...kernelMethods(surroundings, lane),
      ...kernelFileMethods(lane),
      ...moduleMethods(surroundings, lane),
      ...modelMethods(surroundings, models, captures),
      ...headMethods(surroundings, models, captures),
      ...analysisMethods(surroundings, { models, captures }, analyses, experiments),
    },
    (message) => sendTo?.(message),
  );
}

function ask({ message, sound }: Input, folder: string): Promise<Outcome> {
  dispatcher ??= serverIn(folder);
  const server = dispatcher;
  return new Promise((answer, fail) => {
    const clock = sound ? undefined : setTimeout(() => server.receive({ kind: 'cancel', id: 1 }), patienceMs);
    let last = 'nothing';
    const settle = (outcome: Outcome) => {
      clearTimeout(clock);
      answer(outcome);
    };
    sendTo = (reply) => {
      if (reply.kind === 'log') last = reply.message;
      if (reply.kind === 'ok') settle({ value: reply.result });
      if (reply.kind !== 'failed') return;
      if (sound) fail(new Error(`a sound call failed: ${sentenceOf(reply.failure)} ${last}`));
      else if (reply.failure.code === 'internal') fail(new Error(`it failed inside: ${last}`));
      else settle({ refusal: sentenceOf(reply.failure) });
    };
    server.receive(message);
    // A message that names no call cannot be answered: it is said in the log.
    const { id } = (typeof message === 'object' && message !== null ? message : {}) as { id?: unknown };
    if (id !== 1 || (message as { kind?: unknown }).kind === 'cancel') settle({ refusal: `It was ignored: ${last}.` });
  });
}

export const subject: Subject<Input> = {
  counts: { tier: 250, full: 2000 },
  least: { values: 0.05, refusals: 0.3 },
  // A server that keeps what it opened grows past this within the batch; it holds 240.
  limits: { megabytes: 600 },
  // What a call starts begins from a bundle, in a quarter of the computing.
  prepare: () => bundleServer(bundle),
  // `devices` tests all that work: an adapter in software would compute for longer than the rest of the call.
  environment: { VK_DRIVER_FILES: '/nowhere', VK_ICD_FILENAMES: '/nowhere' },
  make(seed) {
    const random = new Random(seed);
    const method = methods[(seed - 1) % methods.length]!;
    const message = { kind: 'call', id: 1, method, args: validCalls[method] };
    // The first of each method is sound.
    if (seed <= methods.length) return { message, sound: !measuring.includes(method) && !bundled.includes(method) };
    if (random.chance(0.05)) return { message: mutateTree(random, message, 3), sound: false };
    return { message: { ...message, args: mutateTree(random, message.args, 3) }, sound: false };
  },
  run: ask,
};
