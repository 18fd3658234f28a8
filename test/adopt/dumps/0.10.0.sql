--
-- PostgreSQL database dump
--


-- Dumped from database version 15.18 (Debian 15.18-0+deb12u1)
-- Dumped by pg_dump version 15.18 (Debian 15.18-0+deb12u1)

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: consumer; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.consumer (
    id uuid NOT NULL,
    name character varying(128) NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);


--
-- Name: lease; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.lease (
    id uuid NOT NULL,
    proxy_id uuid NOT NULL,
    pool_id uuid NOT NULL,
    consumer_id uuid NOT NULL,
    pool_name character varying(128) NOT NULL,
    status character varying(8) DEFAULT 'active'::character varying NOT NULL,
    acquired_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    released_at timestamp with time zone
);


--
-- Name: pool_selector_state; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.pool_selector_state (
    pool_id uuid NOT NULL,
    strategy character varying(32) NOT NULL,
    last_proxy_id uuid,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL
);


--
-- Name: proxy; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.proxy (
    id uuid NOT NULL,
    pool_id uuid NOT NULL,
    host character varying(255) NOT NULL,
    port integer NOT NULL,
    protocol character varying(6) NOT NULL,
    status character varying(8) DEFAULT 'inactive'::character varying NOT NULL,
    credentials json,
    source character varying(255),
    country character varying(8),
    city character varying(128),
    latitude double precision,
    longitude double precision,
    isp character varying(255),
    asn integer,
    max_concurrency integer,
    latency_ms integer,
    current_leases integer DEFAULT 0 NOT NULL,
    checked_at timestamp with time zone DEFAULT now() NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);


--
-- Name: proxy_pool; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.proxy_pool (
    id uuid NOT NULL,
    name character varying(128) NOT NULL,
    description text,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);


--
-- Data for Name: consumer; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.consumer VALUES ('18fb2c73-86e7-4fdc-9b88-7bd43ddba474', 'scraper', '2026-11-28 16:37:23.65976+00');
INSERT INTO public.consumer VALUES ('55af5d5f-b685-481b-96c5-2dea57b78caf', 'nightly', '2026-11-28 16:37:23.699751+00');
INSERT INTO public.consumer VALUES ('23d7a833-fb65-4c7b-b4f0-28fdccf5b914', 'idle', '2026-11-28 16:37:23.808916+00');


--
-- Data for Name: lease; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.lease VALUES ('de53d59b-8c3d-4d2f-94e9-0f3fbbc1f920', '00000000-0000-4000-8000-000000000010', '00000000-0000-4000-8000-000000000001', '18fb2c73-86e7-4fdc-9b88-7bd43ddba474', 'latam', 'active', '2026-11-28 16:37:23.668148+00', '2026-11-28 17:37:23.65852+00', NULL);
INSERT INTO public.lease VALUES ('bc249e96-864a-4483-8b60-4ea72a219e08', '00000000-0000-4000-8000-000000000010', '00000000-0000-4000-8000-000000000001', '18fb2c73-86e7-4fdc-9b88-7bd43ddba474', 'latam', 'active', '2026-11-28 16:37:23.686919+00', '2026-11-28 17:37:23.682898+00', NULL);
INSERT INTO public.lease VALUES ('c77cde89-2049-40fa-bf71-862db0509b5d', '00000000-0000-4000-8000-000000000014', '00000000-0000-4000-8000-000000000002', '55af5d5f-b685-481b-96c5-2dea57b78caf', 'Europe (ü)', 'active', '2026-11-28 16:37:23.703954+00', '2027-02-26 16:37:23.698979+00', NULL);
INSERT INTO public.lease VALUES ('d59e7312-9a54-4dd4-b575-fafcd773664d', '00000000-0000-4000-8000-000000000012', '00000000-0000-4000-8000-000000000001', '55af5d5f-b685-481b-96c5-2dea57b78caf', 'latam', 'active', '2026-11-28 16:37:23.725798+00', '2026-11-28 17:37:23.714917+00', NULL);
INSERT INTO public.lease VALUES ('17cb4ca5-5c4e-4ffa-8073-9b602353d6ef', '00000000-0000-4000-8000-000000000022', '00000000-0000-4000-8000-000000000001', '18fb2c73-86e7-4fdc-9b88-7bd43ddba474', 'latam', 'active', '2026-11-28 16:37:23.742074+00', '2026-11-28 17:37:23.738909+00', NULL);
INSERT INTO public.lease VALUES ('b959744e-8e4f-41c4-8fcd-d5cd34354b96', '00000000-0000-4000-8000-000000000014', '00000000-0000-4000-8000-000000000002', '18fb2c73-86e7-4fdc-9b88-7bd43ddba474', 'Europe (ü)', 'released', '2026-11-28 16:37:23.763686+00', '2026-11-28 17:37:23.749618+00', '2026-11-28 16:37:23.775462+00');
INSERT INTO public.lease VALUES ('bd2f21eb-be7a-40b8-88dd-e8355ff49ca6', '00000000-0000-4000-8000-000000000014', '00000000-0000-4000-8000-000000000002', '18fb2c73-86e7-4fdc-9b88-7bd43ddba474', 'Europe (ü)', 'active', '2026-11-28 16:37:23.803091+00', '2026-11-28 16:37:24.794981+00', NULL);


--
-- Data for Name: pool_selector_state; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.pool_selector_state VALUES ('00000000-0000-4000-8000-000000000001', 'round_robin', '00000000-0000-4000-8000-000000000012', '2026-11-28 16:37:23.812387+00', '2026-11-28 16:37:23.812387+00');


--
-- Data for Name: proxy; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.proxy VALUES ('00000000-0000-4000-8000-000000000011', '00000000-0000-4000-8000-000000000001', '2001:db8::1', 8080, 'socks5', 'inactive', 'null', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, '2026-11-28 16:37:23.595963+00', '2026-11-28 16:37:23.595963+00');
INSERT INTO public.proxy VALUES ('00000000-0000-4000-8000-000000000013', '00000000-0000-4000-8000-000000000002', '192.0.2.13', 8080, 'socks4', 'slow', 'null', '', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, '2026-11-28 16:37:23.615634+00', '2026-11-28 16:37:23.615634+00');
INSERT INTO public.proxy VALUES ('00000000-0000-4000-8000-000000000020', '00000000-0000-4000-8000-000000000001', 'not a host', 8080, 'http', 'active', 'null', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, '2026-11-28 16:37:23.631482+00', '2026-11-28 16:37:23.631482+00');
INSERT INTO public.proxy VALUES ('00000000-0000-4000-8000-000000000021', '00000000-0000-4000-8000-000000000001', '192.0.2.21', 8080, 'http', 'active', 'null', NULL, NULL, NULL, 1000, 10, NULL, -5, NULL, NULL, 0, '2026-11-28 16:37:23.633082+00', '2026-11-28 16:37:23.633082+00');
INSERT INTO public.proxy VALUES ('00000000-0000-4000-8000-000000000023', '00000000-0000-4000-8000-000000000003', '192.0.2.23', 8080, 'http', 'active', 'null', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, '2026-11-28 16:37:23.651919+00', '2026-11-28 16:37:23.651919+00');
INSERT INTO public.proxy VALUES ('00000000-0000-4000-8000-000000000022', '00000000-0000-4000-8000-000000000001', '192.0.2.10', 8080, 'http', 'active', '{"user": "anna b", "password": "p@ss:w/rd+\u00fc"}', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 1, '2026-11-28 16:37:23.637868+00', '2026-11-28 16:37:23.637868+00');
INSERT INTO public.proxy VALUES ('00000000-0000-4000-8000-000000000010', '00000000-0000-4000-8000-000000000001', '192.0.2.10', 8080, 'http', 'active', '{"user": "anna b", "password": "p@ss:w/rd+\u00fc"}', 'list-a', 'AR', 'Córdoba', -31.4, -64.2, 'ISP S.A.', 64500, 2, 120, 2, '2026-11-28 16:17:23.55495+00', '2026-11-28 16:37:23.581619+00');
INSERT INTO public.proxy VALUES ('00000000-0000-4000-8000-000000000014', '00000000-0000-4000-8000-000000000002', '192.0.2.14', 8080, 'http', 'active', 'null', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 80, 2, '2026-11-28 16:17:23.55495+00', '2026-11-28 16:37:23.627774+00');
INSERT INTO public.proxy VALUES ('00000000-0000-4000-8000-000000000012', '00000000-0000-4000-8000-000000000001', 'Proxy.Example.COM', 8080, 'https', 'banned', 'null', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, 1, '2026-11-28 16:27:23.55495+00', '2026-11-28 16:37:23.60366+00');


--
-- Data for Name: proxy_pool; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.proxy_pool VALUES ('00000000-0000-4000-8000-000000000001', 'latam', 'residential, paid monthly', '2026-11-28 16:37:23.556137+00');
INSERT INTO public.proxy_pool VALUES ('00000000-0000-4000-8000-000000000002', 'Europe (ü)', NULL, '2026-11-28 16:37:23.563443+00');
INSERT INTO public.proxy_pool VALUES ('00000000-0000-4000-8000-000000000003', '', NULL, '2026-11-28 16:37:23.575511+00');


--
-- Name: consumer consumer_name_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.consumer
    ADD CONSTRAINT consumer_name_key UNIQUE (name);


--
-- Name: consumer consumer_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.consumer
    ADD CONSTRAINT consumer_pkey PRIMARY KEY (id);


--
-- Name: lease lease_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.lease
    ADD CONSTRAINT lease_pkey PRIMARY KEY (id);


--
-- Name: pool_selector_state pk_pool_selector_state; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.pool_selector_state
    ADD CONSTRAINT pk_pool_selector_state PRIMARY KEY (pool_id, strategy);


--
-- Name: proxy proxy_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.proxy
    ADD CONSTRAINT proxy_pkey PRIMARY KEY (id);


--
-- Name: proxy_pool proxy_pool_name_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.proxy_pool
    ADD CONSTRAINT proxy_pool_name_key UNIQUE (name);


--
-- Name: proxy_pool proxy_pool_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.proxy_pool
    ADD CONSTRAINT proxy_pool_pkey PRIMARY KEY (id);


--
-- Name: lease lease_consumer_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.lease
    ADD CONSTRAINT lease_consumer_id_fkey FOREIGN KEY (consumer_id) REFERENCES public.consumer(id);


--
-- Name: lease lease_pool_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.lease
    ADD CONSTRAINT lease_pool_id_fkey FOREIGN KEY (pool_id) REFERENCES public.proxy_pool(id);


--
-- Name: lease lease_proxy_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.lease
    ADD CONSTRAINT lease_proxy_id_fkey FOREIGN KEY (proxy_id) REFERENCES public.proxy(id);


--
-- Name: pool_selector_state pool_selector_state_pool_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.pool_selector_state
    ADD CONSTRAINT pool_selector_state_pool_id_fkey FOREIGN KEY (pool_id) REFERENCES public.proxy_pool(id) ON DELETE CASCADE;


--
-- Name: proxy proxy_pool_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.proxy
    ADD CONSTRAINT proxy_pool_id_fkey FOREIGN KEY (pool_id) REFERENCES public.proxy_pool(id);


--
-- PostgreSQL database dump complete
--


