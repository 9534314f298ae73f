/** headscope modules: the modules of the kernel catalogue; headscope module: runs one. */
import { resolve } from 'node:path';
import { Option } from 'commander';
import type { ModuleInfo } from '../../../protocol/compute/modules';
import type { ModuleInputChoice, ModuleSetup, ModuleResult } from '../../../protocol/results/module-schema';
import { limits } from '../../../protocol/results/limits';
import { provenance } from '../../provenance';
import { deviceIds } from '../../runtime/session';
import { exitCodes, wrongUsage } from '../exit-codes';
import { between, bytes, collect, seed, threads } from '../options';
import { jsonOption } from '../output-options';
import type { Registration } from '../registration';
import { sectionText } from '../section-text';
import { textTable } from '../table';
import { namedValues } from '../task-options';
import { textFile } from '../text-files';

interface ModuleOptions {
  readonly sample?: string;
  readonly image?: string;
  readonly text?: string;
  readonly textFile?: string;
  readonly inputs?: string;
  readonly weights?: string;
  readonly prefix?: string;
  readonly param?: readonly string[];
  readonly list?: boolean;
  readonly device: string;
  readonly threads: number;
  readonly precision: ModuleSetup['precision'];
  readonly seed: number;
  readonly seconds: number;
  readonly memoryLimit?: number;
  readonly json?: string;
}

export const modules: Registration = (program, session) => {
  program
    .command('modules')
    .description('List the modules of the catalogue: blocks, fusions and heads with inputs of their own.')
    .addOption(jsonOption())
    .action(async ({ json }: { readonly json?: string }) => {
      const found = await session.compute().call('modules', [], { signal: session.signal });
      if (json !== undefined) await session.writeJson(json, { ...(await provenance()), modules: found });
      if (json === '-') return;
      const rows = found.map((module) => [
        module.id,
        module.kind,
        module.title,
        module.inputs.map((input) => `${input.name} (${input.kind})`).join(' '),
        String(module.parameterCount),
        module.source.reference,
      ]);
      session.print(textTable(['id', 'kind', 'title', 'inputs', 'parameters', 'source'], rows));
    });
};

export const moduleCommand: Registration = (program, session) => {
  program
    .command('module')
    .description('Check a module against its float64 reference, time it beside plain attention, and show its pictures.')
    .argument('<module>', 'the id of the module; `headscope modules` lists them')
    .option('--sample <id>', 'a sample of the module as input (default: its first)')
    .option('--image <file>', 'a PNG or JPEG file as input, for modules that take a picture or a feature map')
    .option('--text <text>', 'what its inputs are made of, for modules whose inputs can be written')
    .option('--text-file <file>', 'the same as a text file')
    .option('--inputs <file>', 'tensors by the names of the inputs, as safetensors or JSON')
    .option('--weights <file>', 'weights under their published names, as safetensors (default: drawn from the seed)')
    .option('--prefix <text>', 'what stands before the names of the module in that file (default: the first that fits)')
    .option('--param <name=value>', 'a parameter of the module; may be given several times', collect)
    .option('--list', 'print its parameters, inputs, samples and the names of its weights, and run nothing')
    .addOption(new Option('--device <id>', 'the device').choices([...deviceIds]).default('cpu'))
    .option('--threads <n>', 'threads of the cpu, 0 for as many as the runtime chooses', threads, 0)
    .addOption(new Option('--precision <type>', 'number format').choices(['float32', 'float16']).default('float32'))
    .option('--seed <n>', 'seed of everything that is drawn', seed, 0)
    .option('--seconds <s>', 'most seconds of timing, 0 for none', between(0, limits.seconds[1]), 5)
    .option('--memory-limit <size>', 'refuse files that need more, e.g. 6GB (default: a share of the memory)', bytes)
    .addOption(jsonOption())
    .action(async (id: string, options: ModuleOptions) => {
      const client = session.compute(
        options.memoryLimit ? { HEADSCOPE_MEMORY_LIMIT: String(options.memoryLimit) } : {},
      );
      const known = await client.call('modules', [], { signal: session.signal });
      const info = known.find((module) => module.id === id);
      if (!info) {
        throw wrongUsage(`There is no module "${id}". Choose among ${known.map((module) => module.id).join(', ')}.`);
      }
      if (options.list) {
        if (options.json !== undefined) await session.writeJson(options.json, info);
        if (options.json !== '-') session.print(described(info));
        return;
      }
      const result = await client.call('module', [await setupFrom(info, options)], {
        signal: session.signal,
        onProgress: ({ sentence, share }) => session.progress(`${sentence} (${Math.floor(share * 100)} %)`),
      });
      if (options.json !== undefined) await session.writeJson(options.json, result);
      if (options.json !== '-') session.print(inWords(result));
      session.exitCode = exitCodeOf(result);
    });
};

const exitCodeOf = ({ state, proofs }: ModuleResult): number => {
  if (proofs.some(({ ok }) => !ok)) return exitCodes.findings;
  return state === 'cancelled' ? exitCodes.cancelled : exitCodes.done;
};

async function setupFrom(info: ModuleInfo, options: ModuleOptions): Promise<ModuleSetup> {
  const { device, precision, seed, seconds, weights, prefix } = options;
  if (prefix !== undefined && weights === undefined) throw wrongUsage('--prefix says where in --weights to look.');
  return {
    module: info.id,
    parameters: namedValues(info.id, info.parameters, options.param ?? []),
    input: await inputFrom(info, options),
    ...(weights === undefined
      ? {}
      : { weights: { file: resolve(weights), ...(prefix === undefined ? {} : { prefix }) } }),
    device,
    threads: options.threads,
    precision,
    seed,
    seconds,
  };
}

async function inputFrom({ id, samples, written }: ModuleInfo, options: ModuleOptions): Promise<ModuleInputChoice> {
  const { sample, image, text, textFile: file, inputs } = options;
  const given = [sample, image, text ?? file, inputs].filter((each) => each !== undefined);
  if (given.length > 1 || (text !== undefined && file !== undefined)) {
    throw wrongUsage('Give one of --sample, --image, --text, --text-file and --inputs.');
  }
  if (image !== undefined) return { kind: 'picture', file: resolve(image) };
  if (inputs !== undefined) return { kind: 'tensors', file: resolve(inputs) };
  if (text !== undefined || file !== undefined) {
    if (!written) throw wrongUsage(`The inputs of ${id} cannot be written. Leave --text out.`);
    return { kind: 'written', text: text ?? (await textFile(file!)) };
  }
  return { kind: 'sample', sample: sample ?? samples[0]!.id };
}

function inWords(result: ModuleResult): string {
  return [result.finding, ...result.notes, ...result.sections.map((section) => `\n${sectionText(section)}`)].join('\n');
}

function described(info: ModuleInfo): string {
  const shape = (dims: readonly number[]): string => `[${dims.join(', ')}]`;
  const parameters = Object.entries(info.parameters).map(([name, parameter]) => [
    name,
    String(parameter.default),
    'min' in parameter
      ? `${parameter.min} to ${parameter.max}`
      : 'options' in parameter
        ? parameter.options.join(' ')
        : '',
    parameter.description,
  ]);
  return [
    `${info.title}: ${info.summary}`,
    `${info.source.reference} (trust: ${info.source.trust})`,
    ...(info.source.note === undefined ? [] : [info.source.note]),
    '',
    textTable(['parameter', 'default', 'range', 'meaning'], parameters),
    '',
    textTable(
      ['input', 'kind', 'shape', 'axes'],
      info.inputs.map((input) => [input.name, input.kind, shape(input.shape), input.description]),
    ),
    '',
    textTable(
      ['sample', 'what it is'],
      info.samples.map((sample) => [sample.id, `${sample.title}. ${sample.description}`]),
    ),
    ...(info.written ? ['', `--text: ${info.written.description}`, info.written.example] : []),
    '',
    textTable(
      ['published weight', 'shape by the defaults'],
      info.weights.map((weight) => [weight.name, shape(weight.shape)]),
    ),
  ].join('\n');
}
