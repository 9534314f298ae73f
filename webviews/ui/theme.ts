/**
 * The colours VS Code gives a webview, read as values for what is drawn on a canvas. Everything in CSS uses the variables
 * themselves.
 */
type ThemeKind = 'light' | 'dark' | 'high-contrast' | 'high-contrast-light';

export interface Theme {
  readonly kind: ThemeKind;
  /** True where the background is dark: decides which palette is readable. */
  readonly dark: boolean;
  readonly background: string;
  readonly foreground: string;
  readonly muted: string;
  readonly line: string;
  readonly focus: string;
  readonly hoverBackground: string;
  readonly hoverForeground: string;
  readonly hoverBorder: string;
  readonly font: string;
  readonly fontSize: number;
  readonly editorFont: string;
}

export function readTheme(): Theme {
  const style = getComputedStyle(document.documentElement);
  const value = (name: string, otherwise: string): string => style.getPropertyValue(name).trim() || otherwise;
  const kind = themeKind();
  const dark = kind === 'dark' || kind === 'high-contrast';
  const contrast = kind.startsWith('high-contrast');
  const foreground = value('--vscode-foreground', dark ? '#cccccc' : '#3b3b3b');
  const contrastBorder = value('--vscode-contrastBorder', foreground);
  return {
    kind,
    dark,
    background: backgroundOfPlace(value, dark),
    foreground,
    muted: contrast ? foreground : value('--vscode-descriptionForeground', foreground),
    line: contrast ? contrastBorder : value('--vscode-editorWidget-border', dark ? '#454545' : '#c8c8c8'),
    focus: value('--vscode-focusBorder', foreground),
    hoverBackground: value('--vscode-editorHoverWidget-background', dark ? '#202020' : '#f8f8f8'),
    hoverForeground: value('--vscode-editorHoverWidget-foreground', foreground),
    hoverBorder: value('--vscode-editorHoverWidget-border', contrastBorder),
    font: value('--vscode-font-family', 'sans-serif'),
    fontSize: Number.parseFloat(value('--vscode-font-size', '13px')) || 13,
    editorFont: value('--vscode-editor-font-family', 'monospace'),
  };
}

/**
 * What a file is drawn in. Pictures go into papers and onto white pages, so that they are always light, whatever the editor is; a
 * page (HTML) looks as the panel does.
 */
export function themeForFile(format: string): Theme {
  const theme = readTheme();
  if (format !== 'png' && format !== 'svg') return theme;
  return {
    ...theme,
    kind: 'light',
    dark: false,
    background: '#ffffff',
    foreground: '#1f1f1f',
    muted: '#5f5f5f',
    line: '#c8c8c8',
    focus: '#005fb8',
    hoverBackground: '#f8f8f8',
    hoverForeground: '#1f1f1f',
    hoverBorder: '#c8c8c8',
  };
}

/** A view in the side bar stands on the side bar's background, an editor panel on the editor's. */
function backgroundOfPlace(value: (name: string, otherwise: string) => string, dark: boolean): string {
  const plain = dark ? '#1f1f1f' : '#ffffff';
  const editor = value('--vscode-editor-background', plain);
  return document.getElementById('root')?.dataset['place'] === 'side'
    ? value('--vscode-sideBar-background', editor)
    : editor;
}

function themeKind(): ThemeKind {
  const classes = document.body.classList;
  if (classes.contains('vscode-high-contrast-light')) return 'high-contrast-light';
  if (classes.contains('vscode-high-contrast')) return 'high-contrast';
  return classes.contains('vscode-light') ? 'light' : 'dark';
}

/** Calls back after VS Code has changed the theme; returns what stops it. */
export function onThemeChange(listener: () => void): () => void {
  let pending = 0;
  const observer = new MutationObserver(() => {
    cancelAnimationFrame(pending);
    pending = requestAnimationFrame(listener);
  });
  observer.observe(document.body, { attributes: true, attributeFilter: ['class', 'data-vscode-theme-id'] });
  observer.observe(document.documentElement, { attributes: true, attributeFilter: ['style'] });
  return () => {
    observer.disconnect();
    cancelAnimationFrame(pending);
  };
}
