/** headscope generate: what a model says, plain or with interventions. */
import { resolve } from 'node:path';
import { gainsAlone } from '../../../protocol/interventions/gains';
import { cacheWords } from '../../../protocol/plans/cache-size';
import { environmentOf, addPromptOptions, promptFrom, type PromptOptions } from '../model-options';
import { between, whole } from '../options';
import { jsonOption } from '../output-options';
import { addReinforcementOptions, reinforcementFrom, type ReinforcementOptions } from '../reinforcement-options';
import { interventionsFrom } from '../intervention-options';
import { modelProvenance, openedModel, sayChatPrompt } from '../model-provenance';
import type { Registration } from '../registration';

interface GenerateOptions extends PromptOptions, ReinforcementOptions {
  readonly maxNewTokens: number;
  readonly temperature: number;
  readonly topP: number;
  readonly seed: number;
  readonly logits?: boolean;
  readonly json?: string;
}

export const generate: Registration = (program, session) => {
  addReinforcementOptions(
    addPromptOptions(
      program
        .command('generate')
        .description('Continue a prompt with a local model, greedily or by sampling, with interventions on its parts.')
        .argument('<model>', 'a model folder or a .gguf file'),
    ),
  )
    .option('--max-new-tokens <n>', 'tokens to generate at most', whole(0, 1 << 20), 32)
    .option('--temperature <t>', '0 takes the most probable token', between(0, 100), 0)
    .option('--top-p <p>', 'sample from the smallest set of tokens with this probability', between(1e-9, 1), 1)
    .option('--seed <n>', 'seed of the sampling', whole(0, 2 ** 32 - 1), 0)
    .option('--logits', "add the logits of the prompt's last position")
    .addOption(jsonOption())
    .action(async (model: string, options: GenerateOptions) => {
      const client = session.compute(environmentOf(options));
      const folder = resolve(model);
      const prompt = await promptFrom(options);
      const opened = await openedModel(session, client, folder);
      const named = await interventionsFrom(options, () => Promise.resolve(opened));
      const reinforcement = await reinforcementFrom(options, client, folder, prompt, session.signal);
      const interventions = reinforcement ? [...named, reinforcement] : named;
      const reply = await client.call(
        'generate',
        [
          {
            folder,
            prompt,
            interventions,
            maxNewTokens: options.maxNewTokens,
            temperature: options.temperature,
            topP: options.topP,
            seed: options.seed,
            statistics: false,
          },
        ],
        { signal: session.signal, onProgress: ({ text }) => session.progress(text) },
      );
      sayChatPrompt(session, reply);
      if (interventions.some(({ kind }) => kind === 'plan')) session.note(cacheWords(reply.cache));
      if (options.json !== '-') session.print(reply.text);
      if (options.json === undefined) return;
      const { temperature, topP, maxNewTokens } = options;
      await session.writeJson(options.json, {
        ...(await modelProvenance(
          options,
          opened,
          {
            prompt,
            interventions,
            ...gainsAlone(interventions),
            temperature,
            topP,
            maxNewTokens,
          },
          options.seed,
        )),
        promptIds: reply.promptIds,
        ...(reply.sourceIds ? { sourceIds: reply.sourceIds } : {}),
        ...(reply.image ? { image: reply.image } : {}),
        ...(reply.chatPrompt ? { chatPrompt: reply.chatPrompt } : {}),
        ids: reply.ids,
        text: reply.text,
        top: reply.top,
        parity: reply.parity,
        ...(reply.selected ? { selected: reply.selected } : {}),
        cache: reply.cache,
        ...(options.logits ? { logitsLast: Array.from(reply.logitsLast) } : {}),
      });
    });
};
