/** Tokens that a module takes and gives, [batch, tokens, width]. */
import type { ModuleInput, ModuleOutput } from '../module';

export interface TokenSize {
  readonly batch: number;
  readonly tokens: number;
  readonly width: number;
}

const layout = '[batch, tokens, width]';

/** `note`: what they are beside tokens, as in "in their order". */
export const tokensInput = ({ batch, tokens, width }: TokenSize, note?: string): ModuleInput => ({
  name: 'x',
  kind: 'tokens',
  title: 'Tokens',
  description: note === undefined ? layout : `${layout}, ${note}`,
  shape: [batch, tokens, width],
});

export const tokensOutput = ({ batch, tokens, width }: TokenSize, title = 'Output'): ModuleOutput => ({
  name: 'output',
  title,
  description: layout,
  shape: [batch, tokens, width],
});
