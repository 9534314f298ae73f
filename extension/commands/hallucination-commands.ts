import type { HallucinationPanels } from '../panels/hallucination/hallucination';
import type { Handlers } from './register';

export const hallucinationCommands = (
  panels: HallucinationPanels,
): Pick<Handlers, 'headscope.cancelHallucination'> => ({
  'headscope.cancelHallucination': () => panels.run.cancel(),
});
