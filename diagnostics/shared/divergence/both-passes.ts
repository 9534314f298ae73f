/** What may hold in both passes of a divergence. */
import { printDo } from '../../../protocol/interventions/do-form';
import { kindOf, type Intervention } from '../../../protocol/interventions/interventions';
import { refusal } from '../../../protocol/wire/failures';

/** One pass lacks a part of the prompt, so that positions are not those of the other. */
export function requireAnywhere(interventions: readonly Intervention[]): void {
  const here = interventions.find((one) => one.kind === 'reinforce' || !kindOf(one).anywhere(one));
  if (!here) return;
  throw refusal(
    here.kind === 'reinforce'
      ? 'Divergence is that of heads as they are, and reinforcement chooses heads by it. Leave the reinforcement out.'
      : `Divergence compares the prompt with a shorter one, and "${printDo(here)}" acts on positions of this one. Leave it out.`,
  );
}
