/** headscope steer: a vector for the intervention `add`, as the mean difference of two sets of prompts, or of `add`s with their strengths. */
import { resolve } from 'node:path';
import { Option } from 'commander';
import { steeringPositions, type SteeringPosition } from '../../../protocol/compute/steering';
import { printDo } from '../../../protocol/interventions/do-form';
import type { ModelSummary } from '../../../protocol/schema/parts';
import { controlVectorBytes } from '../../../models/formats/gguf/control-vector';
import { finite, vectorsOf } from '../../model/interventions/steering-file';
import { safetensors } from '../../training/write-checkpoint';
import { headscopeVersion } from '../../version';
import { wrongUsage } from '../exit-codes';
import { interventionsFrom, type InterventionOptions } from '../intervention-options';
import { addPlaceOptions, environmentOf, type PlaceOptions } from '../model-options';
import { modelProvenance, openedModel } from '../model-provenance';
import { collect, list, whole } from '../options';
import { jsonOption, OutputOption } from '../output-options';
import type { Registration } from '../registration';
import type { CommandSession } from '../session';
import { textTable } from '../table';
import { promptTexts } from '../text-files';

interface SteerOptions extends PlaceOptions, Pick<InterventionOptions, 'do' | 'doFile'> {
  readonly toward?: string;
  readonly from?: string;
  readonly position: SteeringPosition;
  readonly layers?: readonly number[];
  readonly chat?: boolean;
  readonly output: string;
  readonly json?: string;
}

/** What goes into the file, and what of the request does not, as sentences. */
interface Vectors {
  readonly byLayer: ReadonlyMap<number, Float32Array>;
  readonly leftOut: readonly string[];
  /** For the JSON. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** By layer, of vectors that were measured. */
  readonly streamLengths?: ReadonlyMap<number, number>;
}

export const steer: Registration = (program, session) => {
  addPlaceOptions(
    program
      .command('steer')
      .description(
        'Write a vector that --do "add:*=1*file:…" adds to the residual stream: the mean difference of two sets of prompts, or what --do adds.',
      )
      .argument('<model>', 'a model folder or a .gguf file')
      .option('--toward <file>', 'prompts that the vector leads to: one a line, or JSONL')
      .option('--from <file>', 'prompts that it leads away from')
      .addOption(
        new Option('--position <which>', 'of each prompt the stream at its last position, or the mean over all of them')
          .choices(steeringPositions)
          .default('last'),
      )
      .option('--layers <l,l>', 'layers, from 0 (default: all)', list(whole(0, 1 << 16)))
      .option('--chat', "put the prompts into the model's chat template")
      .option(
        '--do <add:…>',
        'instead of prompts: what this adds, its strength multiplied in; may be given several times',
        collect,
      )
      .option('--do-file <file>', 'the same of a file of interventions', collect)
      .addOption(
        new OutputOption(
          '-o, --output <file>',
          'the vector: .gguf (a control vector of llama.cpp) or .safetensors',
          'vector',
        ).makeOptionMandatory(),
      ),
  )
    .addOption(jsonOption())
    .action(async (folder: string, options: SteerOptions) => {
      const isGguf = formOf(options.output) === 'gguf';
      const byPrompts = options.toward !== undefined || options.from !== undefined;
      if (byPrompts === (options.do !== undefined || options.doFile !== undefined)) {
        throw wrongUsage('Give two files of prompts, --toward and --from, or what is added with --do.');
      }
      if (!byPrompts && (options.layers !== undefined || options.chat)) {
        throw wrongUsage('--layers and --chat go with prompts. Name the layers in --do, e.g. add:3,4=1*file:PATH.');
      }
      const client = session.compute(environmentOf(options));
      const model = await openedModel(session, client, resolve(folder));
      const { byLayer, leftOut, settings, streamLengths } = byPrompts
        ? await ofPrompts(session, client, model, options)
        : await ofInterventions(model, options);
      const dropped = [...leftOut, ...(isGguf && byLayer.has(0) ? [noBlock0] : [])];
      const written = new Map([...byLayer].filter(([layer]) => !isGguf || layer > 0));
      if (written.size === 0) throw wrongUsage(`${options.output} was not written. ${dropped.join(' ')}`);
      await session.writeFile(options.output, bytesOf(written, isGguf, model), 'vector');
      for (const sentence of dropped) session.note(sentence);
      const rows = [...byLayer].map(([layer, data]) => ({
        layer,
        length: Math.hypot(...data),
        streamLength: streamLengths?.get(layer),
        written: written.has(layer),
      }));
      if (options.json !== '-') {
        session.print(
          textTable(
            ['layer', 'length', ...(streamLengths ? ['of the stream'] : [])],
            rows.map(({ layer, length, streamLength }) => [
              String(layer),
              length.toPrecision(4),
              ...(streamLength === undefined ? [] : [`${((100 * length) / streamLength).toFixed(1)} %`]),
            ]),
            [0, 1, 2],
          ),
        );
      }
      if (options.json === undefined) return;
      await session.writeJson(options.json, {
        ...(await modelProvenance(options, model, settings)),
        file: options.output,
        vectors: rows,
        leftOut: dropped,
      });
    });
};

const noBlock0 =
  'The vector of layer 0 is not in the file: a control vector begins with direction.1. Write a .safetensors file to keep it.';

function formOf(path: string): 'gguf' | 'safetensors' {
  const [, form] = /\.(gguf|safetensors)$/i.exec(path) ?? [];
  if (form === undefined) throw wrongUsage(`${path} is no name of a vector. Name a .gguf or a .safetensors file.`);
  return form.toLowerCase() as 'gguf' | 'safetensors';
}

function bytesOf(byLayer: ReadonlyMap<number, Float32Array>, isGguf: boolean, { family }: ModelSummary): Uint8Array {
  if (isGguf) return controlVectorBytes(byLayer, { modelHint: family, headscope: headscopeVersion });
  return safetensors(
    Object.fromEntries([...byLayer].map(([layer, data]) => [`direction.${layer}`, { shape: [data.length], data }])),
    { headscope: headscopeVersion, format: 'pt', model_hint: family },
  );
}

async function ofPrompts(
  session: CommandSession,
  client: ReturnType<CommandSession['compute']>,
  { folder }: ModelSummary,
  options: SteerOptions,
): Promise<Vectors> {
  if (options.toward === undefined || options.from === undefined) {
    throw wrongUsage('A vector leads from one set of prompts toward another. Give both, --toward and --from.');
  }
  const { position, layers, chat } = options;
  const [toward, from] = [await promptTexts(options.toward), await promptTexts(options.from)];
  const asked = { toward, from, position, ...(layers ? { layers } : {}), ...(chat ? { chat } : {}) };
  const { vectors } = await client.call('steeringVector', [{ folder, ...asked }], {
    signal: session.signal,
    onProgress: ({ done, total }) => session.progress(`${done} of ${total} prompts`),
  });
  return {
    byLayer: new Map(vectors.map(({ layer, data }) => [layer, data])),
    leftOut: [],
    settings: asked,
    streamLengths: new Map(vectors.map(({ layer, streamLength }) => [layer, streamLength])),
  };
}

/** The sum of what the interventions add, as far as it is added at every position. */
async function ofInterventions(
  { layers, hiddenSize, heads, kvHeads }: ModelSummary,
  options: Pick<InterventionOptions, 'do' | 'doFile'>,
): Promise<Vectors> {
  const interventions = await interventionsFrom(options, () => Promise.resolve({ layers, heads, kvHeads }));
  const byLayer = new Map<number, Float32Array>();
  const leftOut: string[] = [];
  for (const one of interventions) {
    if (one.kind !== 'add') {
      leftOut.push(`"${printDo(one)}" is not in the file: it adds no vector.`);
    } else if (one.positions) {
      leftOut.push(`"${printDo(one)}" is not in the file: it acts on some positions, and a vector in a file on all.`);
    } else {
      const added = await vectorsOf(one, { hiddenSize, blocks: { length: layers } }, largestFile);
      for (const [layer, vector] of added) {
        const before = byLayer.get(layer);
        const sum = before ? vector.map((value, at) => value + (before[at] ?? 0)) : vector;
        byLayer.set(layer, finite(sum, layer));
      }
    }
  }
  return { byLayer, leftOut, settings: { interventions } };
}

/** Vectors of the largest models, a hundred layers of 16,384 numbers, take 7 MB. */
const largestFile = 2 ** 28;
