/**
 * The process that runs a person's file. It has no environment, no file of its own and no timer: the text of each file comes by
 * message, types are stripped in place, so that lines and columns stay, and the code runs in a context that has the
 * language's own globals alone. Strings are never compiled, and only `headscope` and files beside it can be imported. A thread
 * watches memory and computing time, and ends the process at a limit.
 */
import { readFileSync, readSync, writeSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import vm from 'node:vm';
import { Worker } from 'node:worker_threads';
import { kindOf, type ArrayKind, type NumberArray } from '../../protocol/wire/packed';
import {
  overMemory,
  overTime,
  type Asked,
  type Fault,
  type FromKernelProcess,
  type KernelLimits,
  type NamedNumbers,
  type Reply,
  type ToKernelProcess,
} from './messages';
import { placeIn } from './stack-place';

/** The script that runs in the file's context before it: kernels/own/library.ts or diagnostics/own/library.ts. */
interface Library {
  readonly exported: Readonly<Record<string, unknown>>;
  /** An array of the context, which this process fills. */
  readonly array: (kind: ArrayKind, length: number) => NumberArray;
  /** `file`: where the export stands. */
  readonly load: (exported: unknown, file: string) => void;
  readonly answer: (question: string, given: readonly (readonly [string, NumberArray])[]) => Answered | undefined;
  /** What an answer gave that waited for nothing outside. */
  readonly taken?: () => Answered;
  /** Gives it the way to ask outside and wait. */
  readonly connect?: (ask: (text: string) => string) => void;
}

interface Answered {
  readonly json: string;
  readonly bytes?: Uint8Array;
  readonly numbers?: Float64Array;
  readonly arrays?: readonly NumberArray[];
}

/** The part of vm's modules that is used: its types come with a flag. */
interface Module {
  link(linker: (specifier: string, from: { readonly identifier: string }) => Promise<Module>): Promise<void>;
  evaluate(options?: { readonly timeout?: number }): Promise<void>;
  readonly namespace: Readonly<Record<string, unknown>>;
  readonly identifier: string;
}
interface ModuleMakers {
  readonly SourceTextModule: new (source: string, options: { identifier: string; context: vm.Context }) => Module;
  readonly SyntheticModule: new (
    names: readonly string[],
    steps: (this: { setExport(name: string, value: unknown): void }) => void,
    options: { identifier: string; context: vm.Context },
  ) => Module;
}
/**
 * Its promise, and the error that it is refused with, would be objects of this process, outside the context. Strings and comments count
 * too: what a lexer takes for a string, Node may not.
 */
const dynamicImport = /\bimport(?:\s|\/\*[^]*?\*\/|\/\/[^\n\r\u2028\u2029]*)*\(/u;

const { SourceTextModule, SyntheticModule } = vm as unknown as ModuleMakers;

/** The package's own types need those of a newer Node. */
interface Amaro {
  transformSync(source: string, options: { readonly mode: 'strip-only' }): { readonly code: string };
}

const send = (message: FromKernelProcess): void => void process.send?.(message);

/** Memory and computing time, watched from beside the thread that the file may keep busy. `asked`: when a question began. */
const asked = new Int32Array(new SharedArrayBuffer(4));

const watch = `
const { workerData: { asked, bytes, seconds, overMemory, overTime } } = require('node:worker_threads');
const { writeSync } = require('node:fs');
const end = (words) => { writeSync(2, words + '\\n'); process.kill(process.pid, 'SIGKILL'); };
// The machine's time for handing out memory is not the file's: up to ten seconds a gigabyte (2026-12-03), where the host had none at hand.
const computed = () => process.cpuUsage().user / 1e6;
let [question, from] = [0, 0];
const parent = process.ppid;
setInterval(() => {
  // Nobody is left who waits for an answer.
  if (process.ppid !== parent) process.kill(process.pid, 'SIGKILL');
  if (process.memoryUsage.rss() > bytes) end(overMemory);
  const now = Atomics.load(asked, 0);
  if (now !== question) [question, from] = [now, computed()];
  else if (now % 2 === 1 && computed() - from > seconds) end(overTime);
}, 50);
`;

class FileError extends Error {
  constructor(readonly fault: Fault) {
    super(fault.sentence);
  }
}

/** A kernel file in a context of its own. */
class Loaded {
  private readonly context = vm.createContext(Object.create(null) as object, {
    codeGeneration: { strings: false, wasm: false },
  });
  private readonly library: Library;
  private readonly modules = new Map<string, Promise<Module>>();
  private readonly sources = new Map<string, string>();

  constructor(
    script: string,
    private readonly strip: (source: string) => string,
    private readonly textOf: (specifier: string, from: string) => Promise<{ file: string; source: string }>,
  ) {
    vm.runInContext(
      'for (const name of ["WebAssembly", "SharedArrayBuffer", "Atomics", "console", "escape", "unescape"]) delete globalThis[name];',
      this.context,
    );
    const code = `(function () {"use strict"; ${script}\nreturn headscopeLibrary; })()`;
    this.library = vm.runInContext(code, this.context, { filename: 'headscope' }) as Library;
    this.library.connect?.(askOutside);
  }

  async load(file: string, source: string): Promise<void> {
    const module = await this.moduleOf(file, source);
    try {
      await module.link(async (specifier, from) => this.imported(specifier, from.identifier));
    } catch (error) {
      throw this.faultOf(error, file);
    }
    try {
      await settled(module.evaluate());
      this.library.load(module.namespace['default'], file);
    } catch (error) {
      throw this.faultOf(error, file);
    }
  }

  private moduleOf(file: string, source: string): Promise<Module> {
    const known = this.modules.get(file);
    if (known) return known;
    this.sources.set(file, source);
    const made = Promise.resolve().then(() => {
      try {
        const text = this.strip(source);
        const before = dynamicImport.exec(text)?.index;
        if (before !== undefined) {
          throw new FileError({
            sentence:
              'It holds "import(…)", which is not offered. Import at the top of the file: import { … } from \'./…\'.',
            place: { file, line: text.slice(0, before).split('\n').length },
          });
        }
        return new SourceTextModule(text, { identifier: file, context: this.context });
      } catch (error) {
        throw this.faultOf(error, file);
      }
    });
    this.modules.set(file, made);
    return made;
  }

  private async imported(specifier: string, from: string): Promise<Module> {
    if (specifier === 'headscope') return this.headscope();
    if (!/^\.{1,2}\//.test(specifier)) {
      throw this.notImported(
        specifier,
        from,
        `"${specifier}" cannot be imported: such a file imports from "headscope" and from files of the workspace beside it (./…).`,
      );
    }
    let text: { file: string; source: string };
    try {
      text = await this.textOf(specifier, from);
    } catch (error) {
      throw this.notImported(specifier, from, (error as Error).message);
    }
    return this.moduleOf(text.file, text.source);
  }

  private headscope(): Promise<Module> {
    const known = this.modules.get('headscope');
    if (known) return known;
    const { exported } = this.library;
    const made = new SyntheticModule(
      Object.keys(exported),
      function () {
        for (const [name, value] of Object.entries(exported)) this.setExport(name, value);
      },
      { identifier: 'headscope', context: this.context },
    );
    this.modules.set('headscope', Promise.resolve(made));
    return Promise.resolve(made);
  }

  private notImported(specifier: string, from: string, sentence: string): FileError {
    const lines = (this.sources.get(from) ?? '').split('\n');
    const at = lines.findIndex((line) => line.includes(`'${specifier}'`) || line.includes(`"${specifier}"`));
    return new FileError({
      sentence,
      place: { file: from, line: at + 1 || 1, column: (lines[at]?.indexOf(specifier) ?? 0) + 1 },
    });
  }

  async answer({ question, numbers }: Asked): Promise<Reply> {
    try {
      const given = numbers.map(([name, from]): readonly [string, NumberArray] => {
        const inside = this.library.array(kindOf(from) ?? 'Uint8Array', from.length);
        // By this context's own method: the file may have replaced that of its context.
        setNumbers.call(inside, from);
        return [name, inside];
      });
      let answered = this.library.answer(JSON.stringify(question), inContext(this.context, given));
      if (this.library.taken) {
        // Nothing in the context waits for a clock: what can go on has gone on before the next turn of the loop.
        await new Promise((resolve) => setImmediate(resolve));
        if (unhandled) throw unhandled.error;
        answered = this.library.taken();
      }
      const { json, bytes, numbers: made, arrays } = answered!;
      return {
        ok: {
          json: String(json),
          ...(bytes ? { bytes: Uint8Array.from(bytes) } : {}),
          ...(made ? { numbers: Float64Array.from(made) } : {}),
          ...(arrays ? { arrays: Array.from({ length: Number(arrays.length) }, (_, at) => copied(arrays[at])) } : {}),
        },
      };
    } catch (error) {
      return { fault: this.faultOf(error).fault };
    } finally {
      unhandled = undefined;
    }
  }

  /** `file`: the place where no stack leads to one; left out, whoever asked knows better. */
  faultOf(error: unknown, file?: string): FileError {
    if (error instanceof FileError) return error;
    const place = placeIn(error, [...this.sources.keys()]) ?? (file === undefined ? undefined : { file, line: 1 });
    return new FileError({ sentence: sentenceOf(error), ...(place ? { place } : {}) });
  }
}

/** Nothing in the context waits for a clock: what does not settle before the next turns of the loop never does. */
async function settled(evaluated: Promise<void>): Promise<void> {
  let done = false;
  const end = evaluated.finally(() => (done = true));
  end.catch(() => undefined);
  for (let turn = 0; turn < 3 && !done; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  if (!done) throw new Error('It waits at its top level for something that never comes. Leave that await out.');
  await end;
}

/** By this process's own methods, whatever the file did to those of its context. */
// oxlint-disable-next-line typescript/unbound-method -- called on arrays of another context
const setNumbers = Float64Array.prototype.set as (this: NumberArray, from: NumberArray) => void;
// oxlint-disable-next-line typescript/unbound-method -- called on arrays of another context
const lengthOf = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Float64Array.prototype), 'length')!.get!;
const makers = { Float32Array, Float64Array, Uint16Array, Int32Array, BigInt64Array, Uint8Array };

function copied(from: unknown): NumberArray {
  const kind = ArrayBuffer.isView(from) ? kindOf(from) : undefined;
  if (!kind) throw new TypeError('An array of numbers is none.');
  const copy = new makers[kind](lengthOf.call(from) as number);
  setNumbers.call(copy, from as NumberArray);
  return copy;
}

/** A rejection that nothing in the file waited for. */
let unhandled: { readonly error: unknown } | undefined;
process.on('unhandledRejection', (error) => (unhandled ??= { error }));

/** The pipe by which the context asks and waits: a length in 4 bytes, then the text, in both directions. */
const pipe = 4;
const pause = new Int32Array(new SharedArrayBuffer(4));

/** Goes on where the pipe is full or empty for now. */
function whole(bytes: Buffer, act: (at: number) => number): Buffer {
  for (let at = 0; at < bytes.length;) {
    try {
      const count = act(at);
      if (count === 0) throw new Error('The compute server is gone.');
      at += count;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      Atomics.wait(pause, 0, 0, 1);
    }
  }
  return bytes;
}

const reading = (bytes: Buffer): Buffer => whole(bytes, (at) => readSync(pipe, bytes, at, bytes.length - at, null));
const writing = (bytes: Buffer): Buffer => whole(bytes, (at) => writeSync(pipe, bytes, at));

function askOutside(text: string): string {
  const asking = Buffer.from(String(text));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(asking.length);
  writing(Buffer.concat([length, asking]));
  return reading(Buffer.alloc(reading(length).readUInt32LE())).toString();
}

/** A list of the context's own kind, so that no object of this process is within reach of the file. */
function inContext(context: vm.Context, given: NamedNumbers): NamedNumbers {
  const list = vm.runInContext('[]', context) as (readonly [string, NumberArray])[];
  given.forEach(([name, numbers], at) => {
    const pair = vm.runInContext('[]', context) as unknown as [string, NumberArray];
    Object.defineProperty(pair, 0, { value: name });
    Object.defineProperty(pair, 1, { value: numbers });
    Object.defineProperty(list, at, { value: pair });
  });
  return list;
}

function sentenceOf(error: unknown): string {
  const { name, message, code } = (typeof error === 'object' && error !== null ? error : {}) as Partial<
    Error & { code: string }
  >;
  const words = typeof message === 'string' && message !== '' ? message.split('\n')[0]!.trim() : String(error);
  if (code === 'UnsupportedSyntax' || code === 'InvalidSyntax' || name === 'SyntaxError') {
    return `It cannot be read: ${ended(words)}`;
  }
  return name === 'TypeError' || name === 'RangeError' || name === 'GraphError' || name === 'Error'
    ? ended(words)
    : `${typeof name === 'string' ? `${name}: ` : 'It threw '}${ended(words)}`;
}

const ended = (words: string): string => (/[.!?]$/.test(words) ? words : `${words}.`);

const beside = (name: string): string => join(__dirname, name);
const amaro = createRequire(__filename)(beside('amaro.js')) as Amaro;
const [, , bytes, seconds, libraryName = ''] = process.argv;
const script = readFileSync(beside(libraryName), 'utf8');
const strip = (source: string): string => amaro.transformSync(source, { mode: 'strip-only' }).code;

const waiting = new Map<
  number,
  { readonly resolve: (text: { file: string; source: string }) => void; readonly reject: (why: Error) => void }
>();
let wanted = 0;
const textOf = (specifier: string, from: string): Promise<{ file: string; source: string }> =>
  new Promise((resolve, reject) => {
    const id = ++wanted;
    waiting.set(id, { resolve, reject });
    send({ kind: 'import', id, specifier, from });
  });

let loaded: Loaded | undefined;

async function replyTo(message: Extract<ToKernelProcess, { kind: 'load' | 'ask' }>): Promise<Reply> {
  if (message.kind === 'ask') return await loaded!.answer(message);
  try {
    loaded = new Loaded(script, strip, textOf);
    await loaded.load(message.file, message.source);
    return { ok: { json: 'null' } };
  } catch (error) {
    return { fault: error instanceof FileError ? error.fault : { sentence: sentenceOf(error) } };
  }
}

process.on('message', (received) => {
  const message = received as ToKernelProcess;
  if (message.kind === 'source') {
    waiting.get(message.id)?.resolve(message);
  } else if (message.kind === 'no-source') {
    waiting.get(message.id)?.reject(new Error(message.why));
  } else {
    Atomics.add(asked, 0, 1);
    void replyTo(message).then((reply) => {
      // Promises that the file left behind go on before the next turn of the loop: while they do, the question is not answered.
      setImmediate(() => {
        Atomics.add(asked, 0, 1);
        send({ kind: 'reply', reply });
      });
    });
  }
});
process.on('disconnect', () => process.exit(0));
process.on('SIGINT', () => {});

const limits: KernelLimits = { bytes: Number(bytes), seconds: Number(seconds) };

new Worker(watch, {
  eval: true,
  execArgv: [],
  env: {},
  workerData: { asked, ...limits, overMemory, overTime },
}).once('online', () => send({ kind: 'ready' }));
