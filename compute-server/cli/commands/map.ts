/** headscope map: the whole matrix of one head. */
import { Option } from 'commander';
import type { Stack } from '../../../protocol/sections/section-base';
import { gainsAlone } from '../../../protocol/interventions/gains';
import { wrongUsage } from '../exit-codes';
import {
  addEncoderOptions,
  addPromptOptions,
  environmentOf,
  inputFrom,
  type EncoderOptions,
  type PromptOptions,
} from '../model-options';
import { interventionsFrom } from '../intervention-options';
import { whole } from '../options';
import { modelPath } from '../model-path';
import { modelProvenance, openedModel, sayChatPrompt } from '../model-provenance';
import { jsonOption } from '../output-options';
import type { Registration } from '../registration';

interface MapOptions extends PromptOptions, EncoderOptions {
  readonly layer: number;
  readonly head: number;
  readonly stack?: Stack;
  readonly outputs?: boolean;
  readonly json?: string;
}

/** A matrix beyond this is for the panel's tiles, not for a JSON file. */
const longest = 2048;

export const map: Registration = (program, session) => {
  addEncoderOptions(
    addPromptOptions(
      program
        .command('map')
        .description(
          'The attention probabilities of one head, every query and key; of a recurrence its effective attention, of either sign.',
        )
        .argument('<model>', 'a model folder, a .gguf file or captured attention'),
    ),
  )
    .requiredOption('--layer <l>', 'layer, from 0', whole(0, 1 << 16))
    .requiredOption('--head <h>', 'query head, from 0', whole(0, 1 << 16))
    .addOption(
      new Option(
        '--stack <part>',
        'of an encoder-decoder: heads of its encoder, or of cross-attention (default: of the decoder)',
      ).choices(['encoder', 'cross']),
    )
    .option('--outputs', "add the head's outputs, one row per position")
    .addOption(jsonOption().default('-'))
    .action(async (model: string, options: MapOptions) => {
      const client = session.compute(environmentOf(options));
      const folder = await modelPath(model);
      const prompt = await inputFrom(options, folder);
      const opened = await openedModel(session, client, folder);
      const interventions = await interventionsFrom(options, () => Promise.resolve(opened));
      const tokenised = await client.call('tokenise', [folder, prompt], { signal: session.signal });
      sayChatPrompt(session, tokenised);
      const { ids, tokens, source, image, chatPrompt } = tokenised;
      const { stack } = options;
      if (stack !== undefined && !source)
        throw wrongUsage('--stack names a part of an encoder-decoder, and the model is none.');
      const rows = stack === 'encoder' && source ? source.ids : ids;
      const columns = stack === 'cross' && source ? source.ids : rows;
      if (Math.max(rows.length, columns.length) > longest) {
        throw wrongUsage(
          `The prompt has ${ids.length} tokens and a map as JSON holds at most ${longest}. Shorten it, or look at it in the workbench.`,
        );
      }
      const { layer, head } = options;
      const parity = await client.call('parity', [folder, prompt], { signal: session.signal });
      const picture = prompt.image === undefined ? {} : { image: prompt.image };
      const encoder = prompt.kind === 'image' ? { encoderTile: prompt.tile ?? 0 } : {};
      const ofSource = source ? { source: source.ids, ...(stack === undefined ? {} : { stack }) } : {};
      const request = { folder, ids, interventions, layer, head, ...ofSource, ...picture, ...encoder };
      const tile = await client.call(
        'headTile',
        [
          {
            ...request,
            rowStart: 0,
            rowCount: rows.length,
            columnStart: 0,
            columnCount: columns.length,
            outRows: rows.length,
            outColumns: columns.length,
          },
        ],
        { signal: session.signal },
      );
      const outputs = options.outputs
        ? await client.call('headOutputs', [request], { signal: session.signal })
        : undefined;
      await session.writeJson(options.json ?? '-', {
        ...(await modelProvenance(options, opened, {
          prompt,
          interventions,
          ...gainsAlone(interventions),
          layer,
          head,
        })),
        layer,
        head,
        ids,
        tokens,
        ...(source ? { source, ...(stack === undefined ? {} : { stack }) } : {}),
        ...(image ? { image } : {}),
        ...(chatPrompt ? { chatPrompt } : {}),
        parity,
        [tile.effective ? 'effective' : 'probabilities']: rowsOf(tile.data, columns.length),
        ...(outputs ? { outputs: rowsOf(outputs, outputs.length / rows.length) } : {}),
      });
    });
};

const rowsOf = (data: Float32Array, width: number): number[][] =>
  Array.from({ length: data.length / width }, (_, row) => Array.from(data.subarray(row * width, (row + 1) * width)));
