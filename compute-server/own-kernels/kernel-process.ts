/**
 * The process that runs a kernel file. It has no environment, no file of its own and no timer: the text of each file comes by
 * message, types are stripped in place, so that lines and columns stay, and the code runs in a context that has the
 * language's own globals alone. Strings are never compiled, and only `headscope` and files beside it can be imported. A thread
 * watches memory and computing time, and ends the process at a limit.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import vm from 'node:vm';
import { Worker } from 'node:worker_threads';
import type * as library from '../../kernels/own/library';
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

type Library = typeof library;

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
const computed = () => { const { user, system } = process.cpuUsage(); return (user + system) / 1e6; };
let [question, from] = [0, 0];
setInterval(() => {
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
  }

  async load(file: string, source: string): Promise<void> {
    const module = await this.moduleOf(file, source);
    try {
      await module.link(async (specifier, from) => this.imported(specifier, from.identifier));
    } catch (error) {
      throw this.faultOf(error, file);
    }
    try {
      await module.evaluate();
      this.library.load(module.namespace['default']);
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
        return new SourceTextModule(this.strip(source), { identifier: file, context: this.context });
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
        `"${specifier}" cannot be imported: a kernel file imports from "headscope" and from files of the workspace beside it (./…).`,
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

  answer({ question, numbers }: Asked, file: string): Reply {
    try {
      const given: NamedNumbers = numbers.map(([name, from]) => {
        const inside = this.library.numbers(from.length);
        // By this context's own method: the file may have replaced that of its context.
        Float64Array.prototype.set.call(inside, from);
        return [name, inside];
      });
      const {
        json,
        bytes,
        numbers: made,
      } = this.library.answer(JSON.stringify(question), inContext(this.context, given));
      return {
        ok: {
          json: String(json),
          ...(bytes ? { bytes: Uint8Array.from(bytes) } : {}),
          ...(made ? { numbers: Float64Array.from(made) } : {}),
        },
      };
    } catch (error) {
      return { fault: this.faultOf(error, file).fault };
    }
  }

  faultOf(error: unknown, file: string): FileError {
    if (error instanceof FileError) return error;
    const place = placeIn(error, [...this.sources.keys()]) ?? { file, line: 1 };
    return new FileError({ sentence: sentenceOf(error), place });
  }
}

/** A list of the context's own kind, so that no object of this process is within reach of the file. */
function inContext(context: vm.Context, given: NamedNumbers): NamedNumbers {
  const list = vm.runInContext('[]', context) as (readonly [string, Float64Array])[];
  given.forEach(([name, numbers], at) => {
    const pair = vm.runInContext('[]', context) as unknown as [string, Float64Array];
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
const script = readFileSync(beside('kernel-library.js'), 'utf8');
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
let loadedFile = '';

async function replyTo(message: Extract<ToKernelProcess, { kind: 'load' | 'ask' }>): Promise<Reply> {
  if (message.kind === 'ask') return loaded!.answer(message, loadedFile);
  try {
    loadedFile = message.file;
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
      Atomics.add(asked, 0, 1);
      send({ kind: 'reply', reply });
    });
  }
});
process.on('disconnect', () => process.exit(0));
process.on('SIGINT', () => {});

const [, , bytes, seconds] = process.argv;
const limits: KernelLimits = { bytes: Number(bytes), seconds: Number(seconds) };

new Worker(watch, {
  eval: true,
  execArgv: [],
  env: {},
  workerData: { asked, ...limits, overMemory, overTime },
}).once('online', () => send({ kind: 'ready' }));
