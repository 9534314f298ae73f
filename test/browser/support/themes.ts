/** What VS Code sets on a webview: the variables of its default themes (Dark Modern, Light Modern, high contrast), as far as the panels use them. */
import { dark, fonts, light } from '../../../webviews/results/vscode-themes';

export type ThemeName = 'dark' | 'light' | 'high-contrast' | 'high-contrast-light';

/** High contrast themes leave most backgrounds unset and draw borders instead. */
const contrast = (foreground: string, background: string, border: string, active: string) => ({
  foreground,
  descriptionForeground: foreground,
  disabledForeground: foreground,
  errorForeground: foreground === '#ffffff' ? '#f48771' : '#b5200d',
  focusBorder: active,
  contrastBorder: border,
  contrastActiveBorder: active,
  'icon-foreground': foreground,
  'editor-background': background,
  'editor-foreground': foreground,
  'sideBar-background': background,
  'editorWidget-background': background,
  'editorWidget-border': border,
  'editorHoverWidget-background': background,
  'editorHoverWidget-foreground': foreground,
  'editorHoverWidget-border': border,
  // As in VS Code 1.139: the colour of the ground in the dark one.
  'button-background': foreground === '#ffffff' ? '#000000' : '#0f4a85',
  'button-foreground': '#ffffff',
  'button-border': border,
  'button-secondaryForeground': foreground,
  'checkbox-background': background,
  'checkbox-border': border,
  'checkbox-foreground': foreground,
  'dropdown-background': background,
  'dropdown-border': border,
  'dropdown-foreground': foreground,
  'dropdown-listBackground': background,
  'input-background': background,
  'input-border': border,
  'input-foreground': foreground,
  'inputOption-activeBorder': border,
  'inputOption-activeForeground': foreground,
  'menu-background': background,
  'menu-foreground': foreground,
  'menu-border': border,
  'menu-selectionBorder': active,
  'progressBar-background': border,
  'badge-background': background,
  'badge-foreground': foreground,
  'textLink-foreground': foreground === '#ffffff' ? '#21a6ff' : '#0f4a85',
  'textLink-activeForeground': foreground === '#ffffff' ? '#21a6ff' : '#0f4a85',
  'editorWarning-foreground': foreground === '#ffffff' ? '#ffd370' : '#895503',
  'editorInfo-foreground': foreground === '#ffffff' ? '#3794ff' : '#1a85ff',
  'editorError-foreground': foreground === '#ffffff' ? '#f48771' : '#b5200d',
  'testing-iconPassed': foreground === '#ffffff' ? '#73c991' : '#007100',
});

export const themes: Readonly<Record<ThemeName, Readonly<Record<string, string>>>> = {
  dark: { ...fonts, ...dark },
  light: { ...fonts, ...light },
  'high-contrast': { ...fonts, ...contrast('#ffffff', '#000000', '#6fc3df', '#f38518') },
  'high-contrast-light': { ...fonts, ...contrast('#292929', '#ffffff', '#0f4a85', '#006bbd') },
};

export const bodyClass: Readonly<Record<ThemeName, string>> = {
  dark: 'vscode-dark',
  light: 'vscode-light',
  'high-contrast': 'vscode-high-contrast',
  'high-contrast-light': 'vscode-high-contrast-light',
};
