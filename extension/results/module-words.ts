/** How a saved run of a module is read, written, named and described in a list. */
import { moduleSuffix } from '../../protocol/contributions/views';
import { type ModuleResult, savedModule } from '../../protocol/results/module-schema';
import { threadWords } from '../../protocol/results/thread-words';
import { parseJson, type Checked } from '../../protocol/schema/check';
import { fileNameOf, threeDigits, type ResultLine } from './result-words';

export const parseModule = (text: string): Checked<ModuleResult> => parseJson(savedModule, text);

export const moduleText = (result: ModuleResult): string => `${JSON.stringify(result, undefined, 2)}\n`;

export const moduleFileName = ({ created, plan }: ModuleResult): string =>
  fileNameOf(created, `module ${plan.module}`, moduleSuffix);

export const moduleDescription = ({ title, finding }: ModuleResult): string => `${title}: ${finding}`;

/** Plain lines for a tooltip: what was found, of which sizes, on what, where. */
export function moduleDetails(result: ModuleResult): readonly string[] {
  const { device, parameters, plan } = result;
  return [
    result.finding,
    ...result.notes,
    Object.entries(parameters)
      .map(([name, value]) => `${name} ${String(value)}`)
      .join(', '),
    `${device.name}, ${device.provider}, ${threadWords(device.threads)}, ${plan.precision}`,
    `${device.runtime}, ${device.platform}, Headscope ${result.headscope}, seed ${result.seed}`,
    `${result.created}, ${threeDigits(result.seconds)} s`,
  ];
}

/** Its outputs, a line each. */
export const moduleLines = ({ proofs }: ModuleResult): readonly ResultLine[] =>
  proofs.map(({ output, shape, ok, maxError }) => ({
    label: output,
    text: `[${shape.join(', ')}], ${ok ? 'right' : 'wrong'}, largest error ${threeDigits(maxError)}`,
    ...(ok ? {} : { failed: true }),
  }));
