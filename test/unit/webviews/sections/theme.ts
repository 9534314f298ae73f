import type { Theme } from '../../../../webviews/ui/theme';

export const theme: Theme = {
  kind: 'dark',
  dark: true,
  background: '#1f1f1f',
  foreground: '#cccccc',
  muted: '#9d9d9d',
  line: '#2b2b2b',
  focus: '#0078d4',
  hoverBackground: '#202020',
  hoverForeground: '#cccccc',
  hoverBorder: '#454545',
  font: 'sans-serif',
  fontSize: 13,
  editorFont: 'monospace',
};
