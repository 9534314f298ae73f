/**
 * The compute server: a child process that answers calls over node IPC (started with `serialization: 'advanced'`), or, with
 * the flag of processes/task-process.ts, runs one task and ends, or, with that of shards/worker.ts, is one worker of a sharded run, or,
 * with that of jobs/job-process.ts, works on a job that outlasts whoever started it.
 */
import { analyses, experiments } from '../diagnostics/catalogue';
import type { FromCompute } from '../protocol/compute/api';
import { writeErr } from './cli/terminal';
import { analysisMethods } from './analyses/methods';
import { captureCalls } from './captures/capture-calls';
import { Dispatcher, type Methods } from './dispatch/dispatcher';
import { Lane } from './dispatch/lane';
import { taskFlag } from './processes/task-process';
import { serveTask } from './processes/task-server';
import { roofTask } from './devices/roof';
import { selfTestTask } from './devices/self-test';
import { peakMemoryTask } from './harness/peak-memory';
import { kernelMethods, serverInfo } from './kernel-methods';
import { kernelFileMethods } from './kernel-laws/methods';
import { moduleMethods } from './modules/methods';
import { jobFlag, serveJob } from './jobs/job-process';
import { headMethods } from './heads/methods';
import { modelMethods } from './model-calls/methods';
import { modelCalls } from './model-calls/model-calls';
import { serveWorker, workerFlag } from './shards/worker';
import { readSurroundings, type Surroundings } from './surroundings';

function methodsOf(surroundings: Surroundings): Methods {
  // One lane for all: what is timed and what runs a model would disturb each other.
  const lane = new Lane();
  const models = modelCalls(surroundings, lane);
  const captures = captureCalls(surroundings, lane);
  return {
    ...kernelMethods(surroundings, lane),
    ...kernelFileMethods(lane),
    ...moduleMethods(surroundings, lane),
    ...modelMethods(surroundings, models, captures),
    ...headMethods(surroundings, models, captures),
    ...analysisMethods(surroundings, { models, captures }, analyses, experiments),
  };
}

const surroundingsOf = (send: (message: FromCompute) => void): Surroundings =>
  readSurroundings(process.argv[1]!, process.env, (level, message) => send({ kind: 'log', level, message }));

function serve(): void {
  let ending = false;
  const send = (message: FromCompute): void => {
    process.send?.(message, undefined, {}, (error) => {
      // The parent is gone; nobody is left to answer.
      if (error) process.exit(1);
      if (ending && message.kind === 'failed') process.exit(0);
    });
  };
  const surroundings: Surroundings = {
    ...surroundingsOf(send),
    endSoon: () => (ending = true),
  };
  const dispatcher = new Dispatcher(methodsOf(surroundings), send);
  process.on('message', (message) => dispatcher.receive(message));
  process.on('disconnect', () => process.exit(0));
  // Ctrl+C reaches the whole process group: the parent decides what it means.
  process.on('SIGINT', () => {});
  send({ kind: 'ready', info: serverInfo('onnxruntime-node, not loaded yet') });
}

const [, , flag, name] = process.argv;
if (flag === jobFlag && name !== undefined) {
  void serveJob(name, (send) => methodsOf(surroundingsOf(send))).then((code) => process.exit(code));
} else if (!process.send) {
  writeErr('This is the compute server of Headscope; the extension and the headscope command start it.\n');
  process.exit(2);
} else if (flag === taskFlag && name === selfTestTask.name) {
  serveTask(selfTestTask);
} else if (flag === taskFlag && name === roofTask.name) {
  serveTask(roofTask);
} else if (flag === taskFlag && name === peakMemoryTask.name) {
  serveTask(peakMemoryTask);
} else if (flag === workerFlag) {
  serveWorker();
} else {
  serve();
}
