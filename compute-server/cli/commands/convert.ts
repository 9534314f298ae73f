/** headscope convert: an analysis that writes a new checkpoint, with the folder for it. */
import { resolve } from 'node:path';
import { wrongUsage } from '../exit-codes';
import { collect } from '../options';
import type { Registration } from '../registration';
import { addRunOptions, runAnalysis, type RunOptions } from './run';

interface ConvertOptions extends RunOptions {
  readonly output?: string;
}

export const convert: Registration = (program, session) => {
  addRunOptions(
    program
      .command('convert')
      .description('Write a new checkpoint made of a local model, which itself stays as it is (docs/conversions.md).')
      .argument('<method>', 'the id of the conversion, e.g. amp')
      .argument('[model]', 'a model folder')
      .option('-o, --output <folder>', 'the folder of the new checkpoint: a new or an empty one'),
  ).action(async (id: string, model: string | undefined, { output, ...options }: ConvertOptions) => {
    const { param = [], listParams } = options;
    if (output === undefined && !listParams) throw wrongUsage('No folder is named. Give the one to write with -o.');
    if (param.some((one) => one.startsWith('folder='))) throw wrongUsage('Give the folder to write with -o.');
    await runAnalysis(
      session,
      id,
      model,
      // The compute server has a working directory of its own.
      { ...options, param: collect(`folder=${resolve(output ?? '')}`, [...param]) },
      { among: ({ converts }) => converts === true, what: 'conversion' },
    );
  });
};
