/** What the editor of a run of a module makes of it first: its words, its sections, and its comparison with itself. */
import { moduleDescription, moduleDetails, moduleLines } from '../../../extension/results/module-words';
import type { ModuleResult } from '../../../protocol/results/module-schema';
import { moduleMade } from '../../../webviews/modules/module-exports';
import { comparedRuns } from '../../../webviews/panels/module/comparison';
import { firstOfSections } from './analysis';

export function firstOfModule(result: ModuleResult): unknown {
  const compared = comparedRuns({ name: 'here', result }, { name: 'there', result });
  return [
    moduleDescription(result),
    moduleDetails(result),
    moduleLines(result),
    moduleMade(result),
    firstOfSections([...result.sections, ...(compared ? [compared] : [])]),
  ];
}
