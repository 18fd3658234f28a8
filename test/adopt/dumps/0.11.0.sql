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
    current_leases integer DEFAULT 0 NOT NULL,
    checked_at timestamp with time zone DEFAULT now() NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);


--
-- Name: proxy_health_record; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.proxy_health_record (
    id uuid NOT NULL,
    proxy_id uuid NOT NULL,
    checked_at timestamp with time zone DEFAULT now() NOT NULL,
    reachable boolean NOT NULL,
    latency_ms integer,
    protocol character varying(16) NOT NULL,
    status_before character varying(32),
    status_after character varying(32) NOT NULL,
    error text
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

INSERT INTO public.consumer VALUES ('68d695ce-eb2c-41c6-92e1-40bbe85c539d', 'scraper', '2026-11-28 16:37:55.390627+00');
INSERT INTO public.consumer VALUES ('7c84992a-c098-4603-80ce-539e6477b18d', 'nightly', '2026-11-28 16:37:55.43144+00');
INSERT INTO public.consumer VALUES ('14568323-1b13-4b1a-a39f-feb297b948cc', 'idle', '2026-11-28 16:37:55.518616+00');


--
-- Data for Name: lease; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.lease VALUES ('2475811d-fff0-4b22-b77f-28b096193d25', '00000000-0000-4000-8000-000000000010', '00000000-0000-4000-8000-000000000001', '68d695ce-eb2c-41c6-92e1-40bbe85c539d', 'latam', 'active', '2026-11-28 16:37:55.39793+00', '2026-11-28 17:37:55.386786+00', NULL);
INSERT INTO public.lease VALUES ('5c1705a9-196c-4859-a0ef-44a0ec648ade', '00000000-0000-4000-8000-000000000010', '00000000-0000-4000-8000-000000000001', '68d695ce-eb2c-41c6-92e1-40bbe85c539d', 'latam', 'active', '2026-11-28 16:37:55.418181+00', '2026-11-28 17:37:55.414895+00', NULL);
INSERT INTO public.lease VALUES ('f3c94dd6-2b8f-48b8-ad97-84fb3e3208be', '00000000-0000-4000-8000-000000000014', '00000000-0000-4000-8000-000000000002', '7c84992a-c098-4603-80ce-539e6477b18d', 'Europe (ü)', 'active', '2026-11-28 16:37:55.433134+00', '2027-02-26 16:37:55.430801+00', NULL);
INSERT INTO public.lease VALUES ('e80a47d2-1511-4b19-89f5-5e87caa775ad', '00000000-0000-4000-8000-000000000012', '00000000-0000-4000-8000-000000000001', '7c84992a-c098-4603-80ce-539e6477b18d', 'latam', 'active', '2026-11-28 16:37:55.449324+00', '2026-11-28 17:37:55.446819+00', NULL);
INSERT INTO public.lease VALUES ('ccc4d4ea-be75-4ad9-af9c-60a5068d2477', '00000000-0000-4000-8000-000000000022', '00000000-0000-4000-8000-000000000001', '68d695ce-eb2c-41c6-92e1-40bbe85c539d', 'latam', 'active', '2026-11-28 16:37:55.468813+00', '2026-11-28 17:37:55.462895+00', NULL);
INSERT INTO public.lease VALUES ('c6164146-40a2-4ec1-bc05-eddc333b9f0a', '00000000-0000-4000-8000-000000000014', '00000000-0000-4000-8000-000000000002', '68d695ce-eb2c-41c6-92e1-40bbe85c539d', 'Europe (ü)', 'released', '2026-11-28 16:37:55.479014+00', '2026-11-28 17:37:55.474776+00', '2026-11-28 16:37:55.486813+00');
INSERT INTO public.lease VALUES ('d3e9da4f-3472-48fa-8853-85f189c9b6b6', '00000000-0000-4000-8000-000000000014', '00000000-0000-4000-8000-000000000002', '68d695ce-eb2c-41c6-92e1-40bbe85c539d', 'Europe (ü)', 'active', '2026-11-28 16:37:55.510922+00', '2026-11-28 16:37:56.502869+00', NULL);


--
-- Data for Name: pool_selector_state; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.pool_selector_state VALUES ('00000000-0000-4000-8000-000000000001', 'round_robin', '00000000-0000-4000-8000-000000000012', '2026-11-28 16:37:55.527726+00', '2026-11-28 16:37:55.527726+00');


--
-- Data for Name: proxy; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.proxy VALUES ('00000000-0000-4000-8000-000000000011', '00000000-0000-4000-8000-000000000001', '2001:db8::1', 8080, 'socks5', 'inactive', 'null', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, '2026-11-28 16:37:55.319825+00', '2026-11-28 16:37:55.319825+00');
INSERT INTO public.proxy VALUES ('00000000-0000-4000-8000-000000000013', '00000000-0000-4000-8000-000000000002', '192.0.2.13', 8080, 'socks4', 'slow', 'null', '', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, '2026-11-28 16:37:55.335616+00', '2026-11-28 16:37:55.335616+00');
INSERT INTO public.proxy VALUES ('00000000-0000-4000-8000-000000000020', '00000000-0000-4000-8000-000000000001', 'not a host', 8080, 'http', 'active', 'null', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, '2026-11-28 16:37:55.359798+00', '2026-11-28 16:37:55.359798+00');
INSERT INTO public.proxy VALUES ('00000000-0000-4000-8000-000000000021', '00000000-0000-4000-8000-000000000001', '192.0.2.21', 8080, 'http', 'active', 'null', NULL, NULL, NULL, 1000, 10, NULL, -5, NULL, 0, '2026-11-28 16:37:55.36763+00', '2026-11-28 16:37:55.36763+00');
INSERT INTO public.proxy VALUES ('00000000-0000-4000-8000-000000000023', '00000000-0000-4000-8000-000000000003', '192.0.2.23', 8080, 'http', 'active', 'null', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, '2026-11-28 16:37:55.383483+00', '2026-11-28 16:37:55.383483+00');
INSERT INTO public.proxy VALUES ('00000000-0000-4000-8000-000000000022', '00000000-0000-4000-8000-000000000001', '192.0.2.10', 8080, 'http', 'active', '{"user": "anna b", "password": "p@ss:w/rd+\u00fc"}', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 1, '2026-11-28 16:37:55.375549+00', '2026-11-28 16:37:55.375549+00');
INSERT INTO public.proxy VALUES ('00000000-0000-4000-8000-000000000010', '00000000-0000-4000-8000-000000000001', '192.0.2.10', 8080, 'http', 'active', '{"user": "anna b", "password": "p@ss:w/rd+\u00fc"}', 'list-a', 'AR', 'Córdoba', -31.4, -64.2, 'ISP S.A.', 64500, 2, 2, '2026-11-28 16:17:55.267234+00', '2026-11-28 16:37:55.308789+00');
INSERT INTO public.proxy VALUES ('00000000-0000-4000-8000-000000000014', '00000000-0000-4000-8000-000000000002', '192.0.2.14', 8080, 'http', 'active', 'null', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 2, '2026-11-28 16:17:55.267234+00', '2026-11-28 16:37:55.347899+00');
INSERT INTO public.proxy VALUES ('00000000-0000-4000-8000-000000000012', '00000000-0000-4000-8000-000000000001', 'Proxy.Example.COM', 8080, 'https', 'banned', 'null', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 1, '2026-11-28 16:27:55.267234+00', '2026-11-28 16:37:55.331792+00');


--
-- Data for Name: proxy_health_record; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.proxy_health_record VALUES ('bf54e324-eb5c-4ab9-9ac6-4cfb97de03b8', '00000000-0000-4000-8000-000000000010', '2026-11-28 16:07:55.267234+00', true, 250, 'http', NULL, 'active', NULL);
INSERT INTO public.proxy_health_record VALUES ('44ecd0e4-39df-4d61-96ab-89a487a4a782', '00000000-0000-4000-8000-000000000010', '2026-11-28 16:17:55.267234+00', true, 120, 'http', NULL, 'active', NULL);
INSERT INTO public.proxy_health_record VALUES ('8d32e105-13f7-4576-8d0b-db62f25f1f65', '00000000-0000-4000-8000-000000000014', '2026-11-28 16:17:55.267234+00', true, 80, 'http', NULL, 'active', NULL);
INSERT INTO public.proxy_health_record VALUES ('1dfb8a57-86f0-4ef3-85a2-14810a55ff77', '00000000-0000-4000-8000-000000000012', '2026-11-28 16:27:55.267234+00', false, 0, 'http', NULL, 'banned', NULL);
INSERT INTO public.proxy_health_record VALUES ('710eb454-6c08-4abb-8b18-cf97133930c9', '00000000-0000-4000-8000-000000000010', '2026-11-28 16:32:55.267234+00', false, NULL, 'http', 'active', 'active', 'timed out');


--
-- Data for Name: proxy_pool; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.proxy_pool VALUES ('00000000-0000-4000-8000-000000000001', 'latam', 'residential, paid monthly', '2026-11-28 16:37:55.268416+00');
INSERT INTO public.proxy_pool VALUES ('00000000-0000-4000-8000-000000000002', 'Europe (ü)', NULL, '2026-11-28 16:37:55.287426+00');
INSERT INTO public.proxy_pool VALUES ('00000000-0000-4000-8000-000000000003', '', NULL, '2026-11-28 16:37:55.291251+00');


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
-- Name: proxy_health_record proxy_health_record_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.proxy_health_record
    ADD CONSTRAINT proxy_health_record_pkey PRIMARY KEY (id);


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
-- Name: proxy_health_record proxy_health_record_proxy_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.proxy_health_record
    ADD CONSTRAINT proxy_health_record_proxy_id_fkey FOREIGN KEY (proxy_id) REFERENCES public.proxy(id) ON DELETE CASCADE;


--
-- Name: proxy proxy_pool_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.proxy
    ADD CONSTRAINT proxy_pool_id_fkey FOREIGN KEY (pool_id) REFERENCES public.proxy_pool(id);


--
-- PostgreSQL database dump complete
--


