export const LOGIN_PATH = '/ops/login';
export const BOARD_PATH = '/ops/jobs';

/** True for the URL of a form of operators. */
export const isOperatorsForm = (url: string): boolean => /^\/ops\/(login|logout)([/?]|$)/.test(url);

/** True for the URL of a page of operators, except the board of jobs. */
export const isOperatorsPage = (url: string): boolean => /^\/ops\/?(\?|$)/.test(url) || isOperatorsForm(url);

/** True for a URL of the board of jobs. */
export const isBoard = (url: string): boolean => /^\/ops\/jobs([/?]|$)/.test(url);
